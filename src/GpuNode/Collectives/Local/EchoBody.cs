namespace Volley.GpuNode.Collectives.Local;

/// <summary>Repeats what it is told, with its place in the group: shows that a local group stands.</summary>
internal static class EchoBody
{
    public const string Name = "echo";

    public static int Run(GroupRankContext context)
    {
        context.Report($"rank {context.Position} of {context.Group.WorldSize}, {context.Group.Shards} shards: {context.Argument}");
        while (context.Commands.ReadLine() is { } line && line != "end") context.Report(line);
        return 0;
    }
}
