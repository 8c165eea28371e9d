namespace Volley.Shared.Cli;

/// <summary>What both programs do around a verb: errors a person can put right become one message and exit code 2.</summary>
public static class CommandLineHost
{
    /// <param name="run">Parses and runs the verb; returns its exit code.</param>
    /// <returns>The verb's code; 2 for a <see cref="UserErrorException"/>; 130 where Ctrl-C ended it.</returns>
    public static async Task<int> RunAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (UserErrorException error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return UserErrorException.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
    }
}
