namespace Volley.Models.Safetensors;

/// <summary>Element types of the format that Volley reads and writes; names as in the header, little-endian.</summary>
public enum SafetensorsType { F64, F32, F16, BF16, I64, I32, U8, BOOL }

public static class SafetensorsTypes
{
    public static int ElementBytes(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.U8 or SafetensorsType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type"),
    };
}
