using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Net.Http.Headers;
using Volley.Shared;
using Volley.Shared.Checkpoints;
using Volley.Shared.Identifiers;

namespace Volley.GpuNode.Serving;

/// <summary>
/// <c>GET /checkpoints/{sweep}/{trial}/{checkpoint}/{file}</c>: the manifest and the files it names, nothing else. The entity tag is the
/// SHA-256 that the manifest promises (of the manifest: its own); whoever reads checks the bytes.
/// </summary>
internal static class CheckpointEndpoint
{
    /// <summary>At once. More would only share the same disk and link, and take them from the training.</summary>
    public const int MaxTransfers = 4;

    /// <summary>Two megabits: a reader that is slower holds up the others and is cut off, counted from what the kernel has taken in for it.</summary>
    private static readonly MinDataRate SlowestReader = new(bytesPerSecond: 256 << 10, gracePeriod: TimeSpan.FromSeconds(10));

    /// <summary>Then 503: whoever asks knows other holders, or asks again.</summary>
    private static readonly TimeSpan QueueTimeout = TimeSpan.FromSeconds(2);

    /// <param name="root"><c>--checkpoint-root</c>.</param>
    public static void MapCheckpoints(this WebApplication app, string root)
    {
        var transfers = new SemaphoreSlim(MaxTransfers);
        app.MapGet("/checkpoints/{sweep}/{trial}/{checkpoint}/{file}", async (HttpContext context) =>
        {
            if (!await transfers.WaitAsync(QueueTimeout, context.RequestAborted))
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }
            try
            {
                if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate) rate.MinDataRate = SlowestReader;
                await Find(root, context.Request.RouteValues).ExecuteAsync(context);
            }
            catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException && !context.Response.HasStarted)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;    // retired in this moment
            }
            finally
            {
                transfers.Release();
            }
        });
    }

    /// <summary>Every part is parsed to what it must be before it becomes part of a path: there is nothing to lead anywhere else.</summary>
    private static IResult Find(string root, RouteValueDictionary route)
    {
        string Value(string name) => (string)route[name]!;
        if (!SweepId.IsValid(Value("sweep")) || !int.TryParse(Value("trial"), NumberStyles.None, CultureInfo.InvariantCulture, out var trial)
            || CheckpointName.TryParse(Value("checkpoint")) is not { } checkpoint) return TypedResults.NotFound();

        var directory = root;
        foreach (var part in new[] { Value("sweep"), $"{trial:D4}", checkpoint.ToString() })
        {
            directory = Path.Combine(directory, part);
            if (new DirectoryInfo(directory) is not { Exists: true, LinkTarget: null }) return TypedResults.NotFound();
        }
        var manifestPath = Path.Combine(directory, CheckpointManifest.FileName);
        if (!IsPlainFile(manifestPath)) return TypedResults.NotFound();
        var json = File.ReadAllBytes(manifestPath);
        if (Value("file") == CheckpointManifest.FileName)
            return TypedResults.Bytes(json, "application/json", entityTag: Tag(Convert.ToHexStringLower(SHA256.HashData(json))));
        try
        {
            var file = CheckpointManifest.Parse(json, manifestPath).Files.FirstOrDefault(file => file.Name == Value("file"));
            var path = file is null ? "" : Path.Combine(directory, file.Name);
            return file is null || !IsPlainFile(path) ? TypedResults.NotFound() : new PlainFile(path, file.Sha256).Result;
        }
        catch (UserErrorException damaged)
        {
            return TypedResults.Text(damaged.Message, statusCode: StatusCodes.Status410Gone);
        }
    }

    private static bool IsPlainFile(string path) => new FileInfo(path) is { Exists: true, LinkTarget: null };

    private static EntityTagHeaderValue Tag(string sha256) => new($"\"{sha256}\"");

    /// <summary>Sent by the server in pieces, with ranges and If-None-Match.</summary>
    private readonly record struct PlainFile(string Path, string Sha256)
    {
        public PhysicalFileHttpResult Result => TypedResults.PhysicalFile(Path, "application/octet-stream", entityTag: Tag(Sha256), enableRangeProcessing: true);
    }
}
