//! What can be wrong with a driver.

/// A fault, named by what the driver then does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No fault at all.
    None,
    /// None either: it says that its jobs outlive the process, and they outlive the handle.
    IsDurable,
    /// None either: its pages are short, and say where to look on.
    LooksAtLittle,

    // In what it says of itself.
    ForgetsAtTheEnd,
    IsDurableWithoutProof,
    HasTransactionsWithoutProof,

    // In `push`.
    StoresRepeatedPushes,
    StoresHalfAGroup,
    IgnoresUniqueKeys,
    LeaksUniqueKeys,
    IgnoresDelays,
    IgnoresTicks,
    RewritesPayloads,
    IgnoresPriorities,
    TrimsNames,
    DropsTags,
    IgnoresTransactions,

    // In `fetch`.
    DeliversTwice,
    ForgetsToCount,
    AnswersInNoOrder,
    IgnoresExceptions,
    NeverPrefetches,
    PrefetchesRescuedJobs,
    BlocksItsThread,

    // In `settle` and `exchange`.
    LosesTheFence,
    AnswersStoredAlways,
    DropsFollowUps,
    StoresFollowUpsOfTheLost,
    DropsErrors,
    CountsSnoozes,
    RetriesAtOnce,
    RetriesLate,
    LosesTurns,
    FetchesBeforeItSettles,
    SettlesNothingNow,
    ExchangesNowAtTimes,

    // In `renew`.
    RenewsNothing,
    RenewsUnderOldTokens,
    HidesLostLeases,
    HidesCancels,
    KeepsStoppedWorkers,

    // In `maintain`.
    NeverRescues,
    RescuesTooEarly,
    RescuesForEver,
    OverlooksSilence,
    KnowsNoBatches,
    ForgetsWhatIsDueNext,
    PrunesAtOnce,
    NeverPrunes,

    // In `wake`.
    ListensLate,
    WakesForNothing,

    // In `inspect`.
    DeniesInspection,
    IgnoresPauses,
    CancelsNothing,
    RetriesWithoutTheHistory,
    RetriesManyInWords,
    RetriesOnePage,
    RetriesMoreThanFits,
    HidesRefusals,
    ForgetsLiveJobs,
    ListsFromTheStart,
    SeesNothingUnserved,
    NamesNoWinner,
    ForgetsKinds,

    // In `jobs` and `count`.
    IgnoresIds,
    ListsWhatIsLeftOut,
    LeavesOutRoughly,
    IgnoresWhenItWasPushed,
    TakesTheWrongSideOfATime,
    SearchesEveryError,
    SearchesLetterForLetter,
    IgnoresFields,
    FindsWhatIsGone,
    ReadsNumbersAsFloats,
    ForgetsConditionsBesideFields,
    ListsTheOldestFirst,
    LosesTheLastOfAPage,
    EndsAtTheFirstPage,
    EndsAtTheFirstLook,
    NeverEnds,
    CountsOnePage,
    CountsBehindThePage,
    CountsOneTooMany,
    NeverCountsAll,
    AlwaysCountsAll,

    // In `act`.
    ActsInWords,
    ActsOnAThousand,
    ActsOnceAnId,
    AnswersActsInNoOrder,
    ForgetsWhatItWas,

    // In `tell`.
    TellsNobody,
    TellsEverybody,
    TellsTheDead,
    TellsOnce,
    TellsForEver,
    KeepsTheFirstWord,
    TellsUntilItIsHeeded,
    TellsByTheRow,

    // In `claim`.
    ClaimsWithoutCounting,
    ClaimsUnderTheOldToken,
    ClaimsOnlyWhatIsDue,
    ClaimsTwice,
    ClaimsWhatIsHeld,
    HidesWhyItClaimsNot,
    ClaimsForEver,
    HeedsPausesInClaims,
    ClaimsAndLetsGo,
    ClaimsNothingThatEnded,
    ClaimsAsManyAttemptsAsBefore,
    ClaimsWithTheOldCancel,
    RetriesBeforeItClaims,
}
