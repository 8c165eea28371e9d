using System.Text;

namespace Volley.GpuNode.Collectives.SharedMemory;

internal enum RankState { Absent = 0, Joined = 1, Left = 2 }

/// <summary>The words of one rank in the segment. It alone writes them (except its bell); all read them.</summary>
/// <remarks>
/// Counters only rise, over the life of the group. Those of an exchange share a cache line, which its peers read in one go; what is
/// written at other times lies elsewhere.
/// </remarks>
internal readonly unsafe struct RankWords(nint address)
{
    public const int Bytes = 4096;

    private const int MaxText = 700;
    private const int Sleep = 128, Life = 256, Abort = 512, Greeting = 1280, Signatures = 2048;
    private const int SignatureBytes = 64;

    /// <summary>Segments laid out for the chunks' owners.</summary>
    public ref long Put => ref *(long*)address;

    /// <summary>Segments of the own chunk summed: its peers' in-slots are read, its out-slot is filled.</summary>
    public ref long Summed => ref *(long*)(address + 8);

    /// <summary>Segments taken from all owners.</summary>
    public ref long Taken => ref *(long*)(address + 16);

    /// <summary>Operations done.</summary>
    public ref long Ended => ref *(long*)(address + 24);

    /// <summary>Rung (raised) by peers for a rank that sleeps.</summary>
    public int* Bell => (int*)(address + Sleep);

    public ref int IsAsleep => ref *(int*)(address + Sleep + 64);

    public ref long Heartbeat => ref *(long*)(address + Life);

    public ref int State => ref *(int*)(address + Life + 8);

    public ref int Pid => ref *(int*)(address + Life + 12);

    /// <summary>Of the process; with the pid it names it for ever.</summary>
    public ref long StartTicks => ref *(long*)(address + Life + 16);

    /// <summary>inode of the pid namespace: a pid means nothing in another one.</summary>
    public ref long PidNamespace => ref *(long*)(address + Life + 24);

    /// <summary>Bit p: the rank at position p is gone.</summary>
    public Span<byte> SilentBits => new((void*)(address + Abort), 32);

    public string AbortReason
    {
        get => ReadText(Abort + 32);
        set => WriteText(Abort + 32, value);
    }

    public string GreetingText
    {
        get => ReadText(Greeting);
        set => WriteText(Greeting, value);
    }

    public Span<byte> GreetingProof => new((void*)(address + Greeting + 4 + MaxText), 32);

    public ref OperationSignature Signature(long sequence) => ref *(OperationSignature*)(address + Signatures + sequence % SegmentLayout.Ahead * SignatureBytes);

    private string ReadText(int at) => Encoding.UTF8.GetString((byte*)(address + at + 4), Math.Clamp(*(int*)(address + at), 0, MaxText));

    private void WriteText(int at, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = Math.Min(bytes.Length, MaxText);
        bytes.AsSpan(0, length).CopyTo(new Span<byte>((void*)(address + at + 4), MaxText));
        *(int*)(address + at) = length;
    }
}
