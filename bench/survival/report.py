"""A verdict for people."""

from bench.survival.trial import Verdict

#: Names that are shown of each kind of fault.
SHOWN = 10


def lines(verdict: Verdict) -> list[str]:
    """The figures, and after them whatever does not hold."""
    findings = verdict.findings
    doubled = len({*findings.doubled, *findings.split})
    lost = len({*findings.lost, *findings.open, *findings.missing})
    return [
        f"{verdict.acknowledged} runs acknowledged, {verdict.runs} kept, {verdict.attempts} attempts",
        f"late writes refused: {verdict.refused_writes}",
        f"killed {sum(verdict.killed.values())} times: {_counts(verdict.killed)}",
        f"stopped {sum(verdict.stopped.values())} times: {_counts(verdict.stopped)}",
        f"answers other than 202: {_counts(verdict.others)}; calls given up: {verdict.given_up}",
        f"runs that failed: {_counts(findings.failed)}",
        f"programs that ended unasked: {_counts({name: len(codes) for name, codes in verdict.unasked.items()})}",
        f"lost {lost}, doubled {doubled}, wrong {len(findings.wrong)}, left over {len(verdict.left)}",
        *(f"{name}: {', '.join(found[:SHOWN])}" for name, found in findings.broken.items()),
        *verdict.evidence[:SHOWN],
        *(f"left over: {each}" for each in verdict.left[:SHOWN]),
    ]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda each: -each[1])) or "none"
