"""What does Tomás do? A picture shows a broken chart and two ways are tried; agents start agents; a stream breaks."""

from ops.demo.claude_code import ClaudeCode
from ops.demo.people import LUMEN, TOMAS
from ops.demo.pictures import bar_chart
from ops.demo.sessions import tomas_files as files
from ops.demo.stage import Stage
from ops.demo.story import BreaksOff, Delegate, Thought, bash, edit, grep, plain, read, see, step

_CHART = f"{LUMEN.path}/src/components/Chart"
_BROKEN = bar_chart((20, 34, 12, 48, 29, 40), cut=True)
_MENDED = bar_chart((20, 34, 12, 48, 29, 40))
_LEGEND = "The legend is cut off on narrow screens, see the screenshot. Mend it."


async def legend(stage: Stage) -> None:
    """A screenshot; one way is tried, then rewound for another; a side question."""
    claude = ClaudeCode(stage, TOMAS, LUMEN)
    await claude.begin()
    await claude.is_named("Chart legend cut off on narrow screens", _LEGEND)
    await claude.asks(_LEGEND, *_LOOKING, sees=_BROKEN)
    crossroads = claude.here
    await stage.rest(4)
    await claude.asks("Let it wrap then.", *_WRAPPING)
    await stage.rest(4)
    claude.rewinds_to(crossroads)
    await claude.asks("No, put the legend below the chart when it is narrower than 480px.", *_BELOW)
    await claude.wonders("Do container queries work in our oldest browser?", _BROWSERS)
    await claude.asks("Do the same for the tooltip.", *_TOOLTIP)


async def bundle(stage: Stage) -> None:
    """An agent that starts an agent; then a long answer whose stream breaks, and comes whole at the second try."""
    claude = ClaudeCode(stage, TOMAS, LUMEN)
    await claude.begin()
    await claude.asks(
        "Our bundle grew by 400 kB since the last release. Find out why, and what to do about it.",
        step("I let an agent compare the two builds; it may call others for details.", _COMPARING),
        step(_VERDICT),
    )
    await stage.rest(6)
    await claude.asks(
        "Write the section for our performance handbook.", step(_HANDBOOK, troubles=(BreaksOff(after=60),), pause_s=2.0)
    )


_LOOKING = (
    step(
        Thought("The legend box hangs over the right edge. Let me see how it is laid out before guessing."),
        "The legend hangs over the right edge. Let me look at its layout.",
        read(f"{_CHART}/Legend.tsx", files.LEGEND),
        read(f"{_CHART}/chart.css", files.CSS),
        see(f"{LUMEN.path}/docs/chart-wide.png", _MENDED),
    ),
    step(
        "The legend has a fixed width of 220px beside a chart that shrinks. Two ways: let its entries **wrap**, or "
        "move it **below** the chart on narrow screens. Which one?"
    ),
)
_WRAPPING = (
    step(
        edit(f"{_CHART}/chart.css", "  width: 220px;\n", "  max-width: 220px;\n  flex-wrap: wrap;\n"),
        bash("npx vitest run Chart", files.VITEST_FAILS, exit_code=1, takes_s=4.0),
    ),
    step("It wraps, but two snapshot tests fail: with long names the legend is now taller than the chart."),
)
_BELOW = (
    step(
        "Then the legend moves under the chart; a container query does it without JavaScript.",
        edit(f"{_CHART}/chart.css", files.OLD_RULE, files.NEW_RULE),
        edit(f"{_CHART}/Legend.tsx", 'className="legend"', 'className="legend" data-testid="legend"'),
    ),
    step(bash("npx vitest run Chart", files.VITEST_PASSES, takes_s=4.0)),
    step("Done: below 480px of the *container* the legend stands under the chart. All 31 chart tests pass."),
)
_BROWSERS = "Yes: the oldest one you support is Safari 16.4, and container queries came with 16.0."
_TOOLTIP = (
    step(grep("tooltip", _CHART, files.TOOLTIP), read(f"{_CHART}/Tooltip.tsx", files.TOOLTIP_FILE)),
    step(
        edit(f"{_CHART}/chart.css", ".tooltip { position: absolute; left: 12px; }", files.NEW_TOOLTIP),
        bash("npx vitest run Chart && npx tsc --noEmit", "31 passed\n", takes_s=6.0),
    ),
    step("The tooltip is centred under the point on narrow charts. Types and tests are fine."),
)
_INNER = Delegate(
    description="Who imports moment?",
    prompt="Find every import of moment in src/ and say which calls it needs. Report a table. Change nothing.",
    kind="Explore",
    steps=(
        step(grep("from 'moment", f"{LUMEN.path}/src", files.MOMENT), bash("npm ls moment", files.NPM_LS)),
        step(
            "| file | calls |\n|---|---|\n| src/dates.ts | format, diff |\n| src/report/Header.tsx | fromNow |\n\n"
            "Nobody else; `moment` came in with src/report/Header.tsx three weeks ago."
        ),
    ),
)
_COMPARING = Delegate(
    description="Compare the two builds",
    prompt=(
        "Compare the bundle of tag v3.4.0 with the one of HEAD. Say which packages grew, and for the biggest one who "
        "needs it. Start further agents where that saves time."
    ),
    steps=(
        step(bash("npx vite build --mode stats && npx bundle-diff v3.4.0 HEAD", files.BUNDLE_DIFF, takes_s=8.0)),
        step("moment is new and the biggest part. I ask who needs it.", _INNER),
        step(
            "The bundle grew by 402 kB: moment with all locales 289 kB, chart fonts 98 kB, our own code 15 kB. moment "
            "is used in two files for three calls.",
            pause_s=2.0,
        ),
    ),
)
_VERDICT = plain("""
    Of the 402 kB, **289 kB are `moment`** with all its locales, and only two files use it, for three calls.

    1. Replace it by `Intl.DateTimeFormat` and `Intl.RelativeTimeFormat`: -289 kB.
    2. Load the chart fonts only on chart pages: -98 kB on all others.

    The rest is our own code and fine.
""")
_HANDBOOK = plain("""
    ## Keeping the bundle small

    **A budget, not a wish.** The build fails when the first load exceeds 350 kB compressed. The number stands in
    `vite.config.ts`, and a pull request that raises it says why.

    **Look before you add.** `npx bundle-diff main HEAD` prints what a branch adds, package by package. Run it when
    `package.json` changes; the pipeline does it too and writes the table under the pull request.

    **Dates and numbers.** Use `Intl`. It is in every browser we support, knows all locales, and costs nothing. The
    helpers are in `src/dates.ts`:

    ```ts
    const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
    const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    ```

    **Fonts and charts.** What only some pages need is loaded by those pages: `const Chart = lazy(() =>
    import("./Chart"))`. A font belongs to the page that shows it.

    **When it grew all the same.** Find the commit with `git bisect run npx bundle-check 350`. It takes four minutes,
    which is less than any discussion about it.
""")
