namespace Volley.Shared;

/// <summary>
/// Something a person can put right: a bad file, a missing path, a damaged checkpoint. The message stands alone (where, what was
/// found, what was required, what to do); the command line prints it without a stack trace and exits with <see cref="ExitCode"/>.
/// </summary>
public class UserErrorException : Exception
{
    /// <summary>What every verb returns for bad input.</summary>
    public const int ExitCode = 2;

    public UserErrorException(string message) : base(message) { }

    public UserErrorException(string message, Exception inner) : base(message, inner) { }
}
