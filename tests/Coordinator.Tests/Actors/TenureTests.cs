using Volley.Coordinator.Actors;

namespace Volley.Coordinator.Tests.Actors;

public sealed class TenureTests
{
    [Fact]
    public void AFirstRecovery_TakesOffice_WhateverTheJournalHolds() => Assert.False(new Tenure().IsOverSince(7, "someone"));

    [Fact]
    public void ATermThatAnotherTookMeanwhile_EndsIt()
    {
        var tenure = new Tenure();
        tenure.IsOverSince(7, "someone");
        tenure.Begin(8);
        Assert.False(tenure.IsOverSince(8, tenure.Id));
        Assert.True(tenure.IsOverSince(9, "another"));
    }

    /// <summary>The server committed and died before it said so: the write failed for this coordinator, and is in the journal.</summary>
    [Fact]
    public void ATermOfItsOwn_WhoseWriteSeemedToFail_IsRecognised()
    {
        var tenure = new Tenure();
        tenure.IsOverSince(7, "someone");
        Assert.False(tenure.IsOverSince(8, tenure.Id));
    }

    [Fact]
    public void ATermTakenByAnother_BeforeTheFirstOfItsOwnWasWritten_EndsIt()
    {
        var tenure = new Tenure();
        tenure.IsOverSince(7, "someone");
        Assert.True(tenure.IsOverSince(8, "another"));
    }
}
