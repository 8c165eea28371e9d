using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using Volley.Coordinator.Journal;
using Volley.Coordinator.Sweeps;
using Volley.Shared.Failpoints;
using Volley.Shared.Identifiers;
using Volley.Shared.Messages;

namespace Volley.Coordinator.Actors;

/// <summary>
/// One sweep: hands commands to <see cref="SweepDecider"/>, journals the events, then does the effects. Protocol: every
/// <see cref="SweepCommand"/>; <see cref="SteerSweep"/> and <see cref="SubmitSweep"/> from HTTP.
/// </summary>
internal sealed class SweepActor : UntypedPersistentActor, IWithTimers
{
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _manager;
    private readonly IActorRef _registry;
    private readonly Action<string> _abdicate;
    private readonly JournalHealth _health;
    private readonly TimeProvider _clock;
    private readonly long _term;
    private readonly Dictionary<(int Trial, int Attempt), GroupSecret> _secrets = [];
    private SweepState _state;
    private bool _hasBegun;

    /// <param name="planner">Pure; called at each recovery.</param>
    /// <param name="abdicate">Ends the process: another coordinator writes this journal.</param>
    public SweepActor(SweepId sweep, long term, Func<SweepSubmission, SweepPlan> planner, IActorRef manager, IActorRef registry, Action<string> abdicate, JournalHealth health, TimeProvider clock)
    {
        _state = new SweepState(sweep, planner);
        (_term, _manager, _registry, _abdicate, _health, _clock) = (term, manager, registry, abdicate, health, clock);
        PersistenceId = $"sweep-{sweep}";
    }

    public override string PersistenceId { get; }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case SweepEvent change: _state = _state.Apply(change); break;
            case RecoveryCompleted when _state.Term > _term:
                _abdicate($"{PersistenceId}: another coordinator has taken over (term {_state.Term}, this one's is {_term}). This one ends; start it again, as a standby.");
                break;
            case RecoveryCompleted:
                _manager.Tell(new SweepRecovered(_state.Id, null, _state.Submission?.ContentSha256));
                Timers.StartPeriodicTimer(nameof(Tick), new Tick(), Tick.Period);
                if (_state.Submission is not null) Self.Tell(new BeginTerm(_term));
                break;
            default: break;
        }
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        if (JournalFailure.IsOfStorage(reason))
        {
            _health.Failed(PersistenceId, reason);      // the supervisor tries again
            return;
        }
        _log.Error(reason, "{0} cannot be recovered", PersistenceId);
        _manager.Tell(new SweepRecovered(_state.Id, reason.GetBaseException().Message));
    }

    protected override void OnCommand(object message)
    {
        if (!_hasBegun && _state.Submission is not null && message is not BeginTerm)
        {
            Stash.Stash();      // the term is the first event of a life: nothing is decided before it
            return;
        }
        switch (message)
        {
            case BeginTerm begin: Take(begin, _ => OnBegun()); break;
            case SubmitSweep submit when _state.Submission is null:
                Take(new Submit(submit.Submission), _ => Take(new BeginTerm(_term), begun =>
                {
                    OnBegun();
                    Sender.Tell(new SweepAnswer(begun.State, IsNew: true));
                }));
                break;
            case SubmitSweep submit:
                if (submit.Submission.ContentSha256 == _state.Submission.ContentSha256) Take(new Submit(submit.Submission), again => Sender.Tell(new SweepAnswer(again.State)));
                else Sender.Tell(new SubmissionConflict(_state.Id, _state.Submission));
                break;
            case SteerSweep when _state.Submission is null: Sender.Tell(new SweepUnknown(_state.Id)); break;      // registered; the submission did not come through
            case SteerSweep { Command: { } command }: Take(command, decision => Sender.Tell(Answer(decision))); break;
            case SteerSweep: Answer(_state); break;
            case SweepCommand command: Take(command, static _ => { }); break;
            default: Unhandled(message); break;
        }
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        if (JournalFailure.IsUniqueViolation(cause))
        {
            _abdicate($"{PersistenceId}: event {sequenceNr} was written by another coordinator. This one is no longer in charge and ends.");
            return;
        }
        _health.Failed(PersistenceId, cause);
        _log.Warning("{0}: event {1} could not be journaled ({2}); the sweep is recovered from the journal and goes on", PersistenceId, sequenceNr, JournalFailure.Explain(cause));
    }

    private void OnBegun()
    {
        _hasBegun = true;
        Stash.UnstashAll();
    }

    /// <summary>The journal took the event for bad (it could not be serialized): what follows from it must not be believed. Stopping lets the supervisor recover it.</summary>
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _log.Error(cause, "{0}: event {1} was rejected by the journal", PersistenceId, sequenceNr);
        Context.Stop(Self);
    }

    /// <summary>
    /// Nothing is done or told before its events are in the journal. Deciding goes on meanwhile, ahead of the journal: what arrives together
    /// is written together. A write that fails ends this life, and with it all that was decided after it and told to nobody.
    /// </summary>
    private void Take(SweepCommand command, Action<Decision> then)
    {
        var decision = SweepDecider.Decide(_state, command, _clock.GetUtcNow());
        _state = decision.State;
        var left = decision.Journaled.Count();
        if (left == 0)
        {
            DeferAsync(decision, _ => Finish(decision, then));      // after what was decided before it
            return;
        }
        Pass(FailpointNames.CoordinatorBeforePersist, decision);
        PersistAllAsync(decision.Journaled, change =>
        {
            Note(change);
            if (--left > 0) return;
            _health.Worked(PersistenceId);
            Pass(FailpointNames.CoordinatorAfterPersist, decision);
            Finish(decision, then);
        });
    }

    /// <summary>When all that it tells of is in the journal.</summary>
    private void Answer(SweepState state) => DeferAsync(state, _ => Sender.Tell(new SweepAnswer(state)));

    private static void Pass(string failpoint, Decision decision)
    {
        if (!Failpoint.IsArmed) return;
        foreach (var change in decision.Journaled) Failpoint.Hit(failpoint, change.GetType().Name);
    }

    private void Finish(Decision decision, Action<Decision> then)
    {
        foreach (var effect in decision.Effects)
        {
            switch (effect)
            {
                case Abdicate abdicate: _abdicate(abdicate.Reason); return;
                case Reply reply: Sender.Tell(reply.Message, Context.Parent); break;
                case ToNode to: _registry.Tell(new SendToNode(to.Node, false, to.Message)); break;
                case ToGroup to: _registry.Tell(new SendToNode(to.Node, false, to.Message with { Secret = SecretOf(to.Message) })); break;
                case ToAnyNode to: _registry.Tell(new SendToNode(to.Preferred, true, to.Message)); break;
                default: _registry.Tell(effect); break;
            }
        }
        foreach (var ended in decision.Events.OfType<AttemptEnded>()) _secrets.Remove((ended.Trial, ended.Attempt));
        then(decision);
    }

    /// <summary>The same for every member of the attempt; a coordinator that is started again draws another.</summary>
    private GroupSecret SecretOf(FormGroup form)
    {
        var attempt = (form.Trial.Number, form.Attempt);
        if (!_secrets.TryGetValue(attempt, out var secret)) _secrets[attempt] = secret = GroupSecret.Draw();
        return secret;
    }

    private object Answer(Decision decision) =>
        decision.Refusal is { } reason ? new SteerRefused(_state.Id, reason) : new SweepAnswer(decision.State) { Notes = decision.Notes };

    private void Note(SweepEvent change)
    {
        switch (change)
        {
            case AttemptStarted e: _log.Info("{0} trial {1} attempt {2} starts on {3}", _state.Id, e.Trial, e.Attempt, string.Join(", ", e.Members.Select(member => member.Node).Distinct())); break;
            case GroupBroken e: _log.Warning("{0} trial {1} attempt {2}: rank {3} of the group was lost: {4}", _state.Id, e.Trial, e.Attempt, string.Join(", ", e.Lost), e.Error); break;
            case AttemptEnded e: _log.Info("{0} trial {1} attempt {2} ended: {3} {4}", _state.Id, e.Trial, e.Attempt, e.End, e.Cause ?? e.Error); break;
            case NodeAvoided e: _log.Warning("{0}: node {1} is set aside for this sweep. {2}", _state.Id, e.Node, e.Reason); break;
            case CheckpointCommitted { Warning: { } warning } e: _log.Warning("{0} trial {1}: {2}", _state.Id, e.Trial, warning); break;
            case CheckpointProblemSeen e: _log.Warning("{0} trial {1} attempt {2}: checkpoint problem {3}: {4}", _state.Id, e.Trial, e.Attempt, e.Count, e.Problem); break;
            case TrialFailed e: _log.Warning("{0} trial {1} failed: {2}", _state.Id, e.Trial, e.Error); break;
            default: _log.Debug("{0} {1}", _state.Id, change); break;
        }
    }
}
