namespace Volley.Coordinator.Http;

/// <summary><c>?after=&amp;limit=</c> of every list.</summary>
internal static class Paging
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <exception cref="ApiProblemException">Not in range.</exception>
    public static int Limit(int? limit) => limit is null or (>= 1 and <= MaxLimit)
        ? limit ?? DefaultLimit
        : throw new ApiProblemException(StatusCodes.Status400BadRequest, "Invalid limit", $"limit is {limit}, must be 1 to {MaxLimit}.");

    /// <returns>The first of what is left, and whether there is more.</returns>
    public static (IReadOnlyList<T> Items, bool HasMore) Take<T>(IEnumerable<T> rest, int limit)
    {
        var items = rest.Take(limit + 1).ToList();
        if (items.Count <= limit) return (items, false);
        items.RemoveAt(limit);
        return (items, true);
    }
}
