using System.Net;
using Volley.Shared;

namespace Volley.Coordinator.Client;

/// <summary>What the coordinator answered instead of what was asked for; the message is its own explanation.</summary>
internal sealed class ApiException(HttpStatusCode status, string message) : UserErrorException(message)
{
    public HttpStatusCode Status => status;

    /// <summary>The request was understood and could not be carried out; otherwise it was a bad one.</summary>
    public bool IsFailure => status == HttpStatusCode.Conflict || (int)status >= 500;
}

/// <summary>Nobody answers, or nobody that is a coordinator of this version.</summary>
internal sealed class UnreachableException : UserErrorException
{
    public UnreachableException(string message) : base(message) { }

    public UnreachableException(string message, Exception inner) : base(message, inner) { }
}
