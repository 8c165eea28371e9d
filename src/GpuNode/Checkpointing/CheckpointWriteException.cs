using Volley.Shared;

namespace Volley.GpuNode.Checkpointing;

/// <summary>A checkpoint could not be put on disk: full, read-only, gone. Training may go on; what cannot is a stop that promised one.</summary>
public sealed class CheckpointWriteException(string directory, Exception cause)
    : UserErrorException($"{directory}: the checkpoint could not be written ({cause.Message}). Free space there or choose another place; earlier checkpoints are untouched.", cause);
