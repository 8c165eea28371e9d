using System.Text;

namespace Volley.Shared.Config.Yaml;

/// <summary>Bytes of a file → text: exists, is small enough, is UTF-8.</summary>
internal static class YamlText
{
    // A sweep file is a page or two. The limit keeps a wrong file (a data set, a log) from being parsed for minutes.
    public const int MaxBytes = 1 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string Read(string path)
    {
        byte[] bytes;
        try
        {
            if (Directory.Exists(path)) throw Whole(path, "is a folder, must be a YAML file.");
            using var file = File.OpenRead(path);
            // One byte more than allowed: pipes and files that grow have no length to trust.
            bytes = new byte[MaxBytes + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            bytes = bytes[..length];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Whole(path, "does not exist.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Whole(path, $"cannot be read: {e.Message}");
        }
        if (bytes.Length > MaxBytes) throw Whole(path, $"is larger than {MaxBytes:N0} bytes; a sweep file has a few thousand. Is it the right file?");
        return Decode(path, bytes);
    }

    public static string Decode(string fileName, byte[] bytes)
    {
        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..]) throw Whole(fileName, "is UTF-16 text, must be UTF-8; save it again as UTF-8.");
        try
        {
            var text = StrictUtf8.GetString(bytes.AsSpan(bytes is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0));
            var zero = text.IndexOf('\0', StringComparison.Ordinal);
            if (zero >= 0) throw new ConfigException([new ConfigProblem($"{fileName}:{LineAt(text, zero)}", "", "holds a zero byte: this is no text file.")]);
            return text;
        }
        catch (DecoderFallbackException e)
        {
            var line = 1 + bytes.AsSpan(0, Math.Max(0, e.Index)).Count((byte)'\n');
            throw new ConfigException([new ConfigProblem($"{fileName}:{line}", "", "is not UTF-8 text; save the file again as UTF-8.")]);
        }
    }

    private static int LineAt(string text, int index) => 1 + text.AsSpan(0, index).Count('\n');

    private static ConfigException Whole(string path, string message) => new([new ConfigProblem(path, "", message)]);
}
