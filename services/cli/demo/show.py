"""What the demo says: its first words, and its tables."""

from collections.abc import Sequence

from services.cli.demo.checks import Check
from services.cli.demo.gaps import Findings
from services.cli.demo.places import Place, Subject
from services.cli.demo.screen import Screen

GAPS_MAX = 12


def opening(screen: Screen) -> None:
    """What this is, before anything happens."""
    screen.title("Waystone: work is noticed, growth is visible, gaps are named")
    screen.say(
        "  Systems tell what people did, as events in Kafka. Then three services, each with a database of its own:",
        "  recognition decides what deserves a word, ledger remembers it, notifier tells the person.",
        "  At the end you see mails, people's pages, and where nobody says thank you.",
        "  All of it runs on this machine, mails nobody outside, and is gone afterwards.",
        "",
    )


def findings(screen: Screen, found: Findings) -> None:
    """The gaps, planted ones first, and the organisation as a whole."""
    planted = [gap for gap in found.found if gap.planted]
    shown = found.found[: max(GAPS_MAX, len(planted))]
    title = "Gaps the ledger found"
    if planted:
        title += f" (the first {len(planted)} were planted: ✱)"
    screen.title(title)
    rows = [
        (f"{'✱' if gap.planted else ' '} {gap.where}", gap.what, gap.figure, gap.company, gap.fine)
        for gap in shown
    ]
    if rows:
        screen.table(("  team", "gap", "figure", "everybody", "fine is"), rows, emphasise=len(planted))
    else:
        screen.say("  none that its figures may say: teams under five people are never shown")
    if more := len(found.found) - len(shown):
        screen.say(f"  … and {more} more, from the ledger's /v1/gaps", style="dim")
    for missing in found.not_found:
        screen.say(f"  ✗ planted, but not found: {missing}", style="red")
    if found.organisation:
        screen.prose(f"Everybody, now: {'; '.join(found.organisation)}.")
    screen.prose(
        "Figures of teams are bands over five people or more, of days that have ended: they single out nobody."
    )


def places(screen: Screen, found: Sequence[Place]) -> None:
    """Where to look."""
    screen.title("Where to look (links to people's pages open for 15 minutes)")
    for place in found:
        screen.say_of(place.what, place.why, place.url)


def figures(screen: Screen, checks: Sequence[Check]) -> None:
    """The checks with their figures."""
    screen.title("Counted")
    screen.table(("", "what", "figures"), [("✓" if c.passed else "✗", c.name, c.says) for c in checks])


def verdict(screen: Screen, passed: bool, seconds: float) -> None:
    """The last word on the checks."""
    screen.say("")
    if passed:
        screen.say(f"✓ All checks hold, after {seconds:.0f} s.", style="bold green")
    else:
        screen.say(f"✗ Not all checks hold (see above), after {seconds:.0f} s.", style="bold red")


def commands(screen: Screen, ledger_url: str, subject: Subject, token: str, key_file: str) -> None:
    """Commands to be copied. token: of the subject, with scopes `self` and `team`; key_file: signs page links."""
    screen.title("Commands to copy")
    screen.say("  # a link to anybody's page")
    screen.say(
        f"  LEDGER_URL={ledger_url} PAGE_LINK_KEY_FILE={key_file} .venv/bin/waystone link {subject.employee}"
    )
    screen.say(f"  # the API, as {subject.name} sees it; the token is good for a day")
    screen.say(f"  export TOKEN={token}")
    base = f'  curl -s -H "Authorization: Bearer $TOKEN" \'{ledger_url}/v1'
    screen.say(f"{base}/people/{subject.employee}/history?limit=3'")
    if subject.team:
        screen.say(f"{base}/teams/{subject.team}/gaps'   # by name, for the team's lead alone")


def how_to_go_on(screen: Screen, has_keyboard: bool) -> None:
    """What happens now, and how it ends."""
    screen.title("It goes on: something happens every few seconds, and its mails arrive in the mailbox")
    if has_keyboard:
        screen.say("  Enter prints fresh links, Ctrl-C ends everything.", "")
    else:
        screen.say("  Fresh links come every quarter of an hour. Ctrl-C ends everything.", "")
