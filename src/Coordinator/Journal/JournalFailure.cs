using System.Data.Common;
using System.Net.Sockets;
using Akka.Pattern;
using Akka.Persistence;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Volley.Coordinator.Journal;

/// <summary>What an error of the journal means: another writer, a storage that may come back, or contents that nobody here can read.</summary>
internal static class JournalFailure
{
    private const int SqliteBusy = 5, SqliteLocked = 6, SqliteIoError = 10, SqliteFull = 13, SqliteConstraint = 19;

    /// <summary>Two coordinators wrote the same sequence number: this one is no longer the singleton and must end (DESIGN §3).</summary>
    public static bool IsUniqueViolation(Exception error) => Causes(error).Any(cause =>
        cause is SqliteException { SqliteErrorCode: SqliteConstraint } or PostgresException { SqlState: PostgresErrorCodes.UniqueViolation });

    /// <summary>Of disk, server or connection, not of what is written there: trying again may help.</summary>
    public static bool IsOfStorage(Exception error) => Causes(error).Any(cause =>
        cause is DbException or SocketException or IOException or TimeoutException or OpenCircuitException or RecoveryTimedOutException);

    /// <summary>At start: a full disk or a server that is down goes by; a wrong password, a missing database or a damaged file does not.</summary>
    public static bool IsPassing(Exception error) => Causes(error).Any(cause => cause switch
    {
        SqliteException sqlite => sqlite.SqliteErrorCode is SqliteBusy or SqliteLocked or SqliteIoError or SqliteFull,
        PostgresException server => server.IsTransient,
        NpgsqlException or SocketException or TimeoutException => true,
        _ => false,
    }) && !Causes(error).Any(cause => cause is PostgresException { IsTransient: false });

    /// <summary>One line for a person.</summary>
    public static string Explain(Exception error)
    {
        foreach (var cause in Causes(error))
        {
            switch (cause)
            {
                case SqliteException { SqliteErrorCode: SqliteFull }: return "the disk is full.";
                case SqliteException sqlite: return Sentence(sqlite.Message);
                case PostgresException server: return $"the server says: {Sentence(server.MessageText)} ({server.SqlState})";
                case SocketException socket: return Sentence(socket.Message);
                case OpenCircuitException: return "it failed several times in a row; the next try follows in a moment.";
                case RecoveryTimedOutException: return "it did not answer in time.";
                default: break;
            }
        }
        return Sentence(error.GetBaseException().Message);
    }

    private static string Sentence(string message) => message.TrimEnd().TrimEnd('.') + ".";

    /// <summary>The error and everything below it, from the outside in.</summary>
    private static IEnumerable<Exception> Causes(Exception error)
    {
        yield return error;
        var inner = error is AggregateException several ? several.InnerExceptions : error.InnerException is { } one ? [one] : (IReadOnlyList<Exception>)[];
        foreach (var cause in inner.SelectMany(Causes)) yield return cause;
    }
}
