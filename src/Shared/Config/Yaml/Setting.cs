using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Volley.Shared.Config.Yaml;

/// <summary>One key that a record has in a file: read off the record's own properties, so that there is one list of settings.</summary>
internal sealed class Setting
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<Setting>> OfType = new();

    private Setting(PropertyInfo property)
    {
        Property = property;
        Key = property.GetCustomAttribute<ConfigKeyAttribute>()?.Key ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
        Range = property.GetCustomAttribute<InRangeAttribute>();
        Words = property.GetCustomAttribute<OneOfAttribute>();
        IsRequired = property.GetCustomAttribute<RequiredMemberAttribute>() is not null;
    }

    public PropertyInfo Property { get; }
    public string Key { get; }
    public InRangeAttribute? Range { get; }
    public OneOfAttribute? Words { get; }
    public bool IsRequired { get; }
    public Type Type => Property.PropertyType;

    /// <summary>Element type where the property is a list.</summary>
    public Type? ItemType => Type.IsGenericType && Type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? Type.GetGenericArguments()[0] : null;

    /// <summary>A record of settings, as opposed to one value.</summary>
    public static bool IsSection(Type type) => type.IsClass && type != typeof(string) && type.Namespace == typeof(SweepSpec).Namespace;

    /// <summary>Base records' settings first, then as declared.</summary>
    public static IReadOnlyList<Setting> Of(Type record) => OfType.GetOrAdd(record, static type =>
    {
        var chain = new List<Type>();
        for (var level = type; level is not null && level != typeof(object); level = level.BaseType) chain.Insert(0, level);
        return [.. chain
            .SelectMany(level => level.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(property => property.SetMethod is not null && property.PropertyType != typeof(SweepSource))
            .Select(property => new Setting(property))];
    });

    public static Setting? Find(Type record, string key) => Of(record).FirstOrDefault(setting => setting.Key == key);

    public void Set(object record, object? value) => Property.SetValue(record, value);
}
