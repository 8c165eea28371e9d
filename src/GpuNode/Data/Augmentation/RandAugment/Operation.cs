namespace Volley.GpuNode.Data.Augmentation.RandAugment;

/// <summary>The operations of the references' recipe, in their order; names as in timm, without its "Increasing".</summary>
internal enum Operation
{
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    Solarize,
    SolarizeAdd,
    Color,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateXRel,
    TranslateYRel,
}
