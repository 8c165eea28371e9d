using CsCheck;
using Volley.GpuNode.Agent;
using Volley.GpuNode.Link;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;
using static Volley.GpuNode.Tests.Agent.Samples;

namespace Volley.GpuNode.Tests.Agent;

/// <summary>Any order of commands, late repetitions, deaths and reconnections: what must hold after each of them.</summary>
public sealed class AgentCorePropertyTests
{
    private enum Happening { Start, Repeat, Stop, Stale, Retire, Begin, Epoch, Checkpoint, Die, Acknowledge, AcknowledgeAgain, Connect, Disconnect, Tick, NewTerm, OldTerm }

    private static readonly Gen<(Happening, int, int)[]> Histories =
        Gen.Select(Gen.Enum<Happening>(), Gen.Int[0, 2], Gen.Int[1, 3]).Array[0, 120];

    [Fact]
    public void NoSlotTwice_NoReportLost_NoEndedAttemptAgain_NothingForTheStale() =>
        Histories.Sample(history => new World().Run(history), iter: 3000);

    /// <summary>The processes and the coordinator around a core, in the simplest form that tells right from wrong.</summary>
    private sealed class World
    {
        private readonly HashSet<RankKey> _alive = [];
        private readonly HashSet<RankKey> _launched = [];
        private readonly HashSet<RankKey> _exitAccepted = [];
        private readonly Dictionary<RankKey, List<string>> _made = [];
        private readonly Dictionary<RankKey, List<string>> _arrived = [];
        private readonly Dictionary<RankKey, IReadOnlyList<int>> _slots = [];
        private readonly Dictionary<TrialId, int> _staleBelow = [];
        private readonly List<IVolleyMessage> _toAcknowledge = [];
        private readonly List<IVolleyMessage> _acknowledged = [];
        private AgentState _state = new AgentState(Facts) { IsConnected = true, ClusterId = "c", Term = 10 };
        private int _epoch;

        public void Run((Happening, int, int)[] history)
        {
            foreach (var (happening, trial, attempt) in history) Happen(happening, new RankKey(new TrialId(Sweep, trial), attempt, 0));
            Finish();
        }

        private void Happen(Happening happening, RankKey key)
        {
            var start = Start(key.Attempt, key.Rank, 1 + key.Trial.Number % 2, _state.Term, key.Trial.Number);
            switch (happening)
            {
                case Happening.Start or Happening.Repeat: Take(new AgentInput.Heard(start)); break;
                case Happening.OldTerm:
                    var before = _state.Ranks;
                    Take(new AgentInput.Heard(start with { Term = _state.Term - 1 }));
                    Assert.Same(before, _state.Ranks);
                    break;
                case Happening.NewTerm: Take(new AgentInput.Heard(new NodeRegistered(Facts.Node, "c", _state.Term + 1))); break;
                case Happening.Stop: Take(new AgentInput.Heard(new StopRank(_state.Term, key.Trial, key.Attempt, StopMode.Graceful))); break;
                case Happening.Stale:
                    _staleBelow[key.Trial] = Math.Max(_staleBelow.GetValueOrDefault(key.Trial), key.Attempt + 1);
                    Take(new AgentInput.Heard(new AttemptIsStale(_state.Term, key.Trial, key.Attempt)));
                    break;
                case Happening.Retire: Take(new AgentInput.Heard(new RetireCheckpoint(_state.Term, key.Trial, key.Attempt, "/tmp/c", "1.a1"))); break;
                case Happening.Begin when _alive.Contains(key): Take(new AgentInput.Started(key, 42)); break;
                case Happening.Epoch when _alive.Contains(key): Make(key, new AgentInput.EpochDone(key, Epoch(++_epoch)), $"epoch {_epoch}"); break;
                case Happening.Checkpoint when _alive.Contains(key):
                    var step = ++_epoch;
                    Make(key, new AgentInput.CheckpointDone(key, new CheckpointReport(key.Trial, key.Attempt, step, 1, "x", "00", null, 1)), $"checkpoint {step}");
                    break;
                case Happening.Die when _alive.Remove(key):
                    _slots.Remove(key);
                    Make(key, new AgentInput.Exited(key, Exit(RankEnd.Lost)), "exit");
                    break;
                case Happening.Acknowledge when _toAcknowledge.Count > 0:
                    var next = _toAcknowledge[0];
                    _toAcknowledge.RemoveAt(0);
                    _acknowledged.Add(next);
                    if (next is RankExitAccepted accepted) _exitAccepted.Add(new RankKey(accepted.Trial, accepted.Attempt, accepted.Rank));
                    Take(new AgentInput.Heard(next));
                    break;
                case Happening.AcknowledgeAgain when _acknowledged.Count > 0: Take(new AgentInput.Heard(_acknowledged[_epoch % _acknowledged.Count])); break;
                case Happening.Connect: Take(new AgentInput.Connected()); break;
                case Happening.Disconnect: Take(new AgentInput.Disconnected()); break;
                case Happening.Tick: Take(new AgentInput.Tick()); break;
            }
        }

        /// <summary>The coordinator is back and answers everything: all that was made and is still wanted has arrived, in order.</summary>
        private void Finish()
        {
            foreach (var key in _alive.ToArray()) Happen(Happening.Die, key);
            Happen(Happening.Connect, default);
            for (var round = 0; round < 50 && !_state.Ranks.IsEmpty; round++)
            {
                Happen(Happening.Tick, default);
                while (_toAcknowledge.Count > 0) Happen(Happening.Acknowledge, default);
                foreach (var key in _alive.ToArray()) Happen(Happening.Die, key);
            }
            Assert.Empty(_state.Ranks);
            foreach (var (key, made) in _made)
            {
                var arrived = _arrived.GetValueOrDefault(key) ?? [];
                if (arrived.Contains("exit")) Assert.Equal(made, arrived);   // whoever has the exit has the whole story, in order
            }
        }

        private void Make(RankKey key, AgentInput input, string what)
        {
            if (!_made.TryGetValue(key, out var made)) _made[key] = made = [];
            made.Add(what);
            Take(input);
        }

        private void Take(AgentInput input)
        {
            var wasConnected = _state.IsConnected;
            (_state, var effects) = AgentCore.Decide(_state, input);
            foreach (var effect in effects)
            {
                switch (effect)
                {
                    case AgentEffect.Launch launch: Launch(launch); break;
                    case AgentEffect.Send send:
                        Assert.True(wasConnected || input is AgentInput.Connected);
                        Receive(send.Message);
                        break;
                }
            }
        }

        private void Launch(AgentEffect.Launch launch)
        {
            var key = new RankKey(launch.Start.Trial, launch.Start.Attempt, launch.Start.Rank);
            Assert.True(_launched.Add(key), $"{key} was launched twice");
            Assert.DoesNotContain(key, _exitAccepted);
            Assert.True(key.Attempt >= _staleBelow.GetValueOrDefault(key.Trial), $"{key} was stale");
            Assert.DoesNotContain(_alive, other => other.Trial == key.Trial && other.Attempt < key.Attempt);
            Assert.Equal(launch.Start.Slots, launch.Slots.Count);
            Assert.All(launch.Slots, slot => Assert.InRange(slot, 0, Facts.Slots - 1));
            Assert.Empty(_slots.Values.SelectMany(slots => slots).Intersect(launch.Slots));
            _slots[key] = launch.Slots;
            _alive.Add(key);
        }

        private void Receive(IVolleyMessage message)
        {
            switch (message)
            {
                case EpochReport report: Arrive(report, 0, $"epoch {report.Metrics.Epoch}", new EpochAccepted(report.Trial, report.Attempt, report.Metrics.Epoch)); break;
                case CheckpointReport report: Arrive(report, 0, $"checkpoint {report.Step}", new CheckpointAccepted(report.Trial, report.Attempt, report.Step)); break;
                case RankExited exited:
                    // Ranks that never had a process report only this.
                    var key = new RankKey(exited.Trial, exited.Attempt, exited.Rank);
                    Assert.DoesNotContain(key, _alive);
                    if (!_made.ContainsKey(key)) _made[key] = ["exit"];
                    Arrive(exited, exited.Rank, "exit", new RankExitAccepted(exited.Trial, exited.Attempt, exited.Rank));
                    break;
            }
        }

        private void Arrive(ITrialProtocol report, int rank, string what, IVolleyMessage answer)
        {
            var key = new RankKey(report.Trial, report.Attempt, rank);
            Assert.True(key.Attempt >= _staleBelow.GetValueOrDefault(key.Trial), $"{what} of {key}, which is stale");
            if (!_arrived.TryGetValue(key, out var arrived)) _arrived[key] = arrived = [];
            if (!arrived.Contains(what)) arrived.Add(what);
            if (!_toAcknowledge.Contains(answer)) _toAcknowledge.Add(answer);
        }
    }
}
