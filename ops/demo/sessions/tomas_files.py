"""What stands in the files of Tomás's project, and what do its commands print?"""

LEGEND = """
    import { Series } from "./types";

    export function Legend({ series }: { series: Series[] }) {
      return (
        <ul className="legend">
          {series.map((one) => (
            <li key={one.id} style={{ color: one.colour }}>
              {one.name}
            </li>
          ))}
        </ul>
      );
    }
"""
CSS = """
    .chart { display: flex; container-type: inline-size; }
    .chart svg { flex: 1; min-width: 0; }
    .legend {
      display: flex;
      width: 220px;
      list-style: none;
    }
    .tooltip { position: absolute; left: 12px; }
"""
OLD_RULE = """
    .legend {
      display: flex;
      width: 220px;
      list-style: none;
    }
"""
NEW_RULE = """
    .legend {
      display: flex;
      width: 220px;
      list-style: none;
    }
    @container (max-width: 480px) {
      .chart { flex-direction: column; }
      .legend { width: auto; flex-wrap: wrap; }
    }
"""
VITEST_FAILS = """
     FAIL  src/components/Chart/Chart.test.tsx > Chart > keeps its height with long names
    Error: Snapshot `Chart > keeps its height with long names 1` mismatched

    - Expected
    + Received

      <ul
        class="legend"
    -   style="height: 180px"
    +   style="height: 312px"
      >

     Test Files  1 failed | 3 passed (4)
          Tests  2 failed | 29 passed (31)
       Duration  3.42s
"""
VITEST_PASSES = """
     ✓ src/components/Chart/scale.test.ts (9 tests) 12ms
     ✓ src/components/Chart/Legend.test.tsx (6 tests) 88ms
     ✓ src/components/Chart/Tooltip.test.tsx (5 tests) 71ms
     ✓ src/components/Chart/Chart.test.tsx (11 tests) 240ms

     Test Files  4 passed (4)
          Tests  31 passed (31)
       Duration  3.18s
"""
TOOLTIP = """
    src/components/Chart/Tooltip.tsx:5:    <div className="tooltip" style={{ top: y }}>
    src/components/Chart/chart.css:8:.tooltip { position: absolute; left: 12px; }
"""
TOOLTIP_FILE = """
    import { Point } from "./types";

    export function Tooltip({ point, y }: { point: Point; y: number }) {
      return (
        <div className="tooltip" style={{ top: y }}>
          {point.label}: <b>{point.value}</b>
        </div>
      );
    }
"""
NEW_TOOLTIP = """
    .tooltip { position: absolute; left: 12px; }
    @container (max-width: 480px) {
      .tooltip { left: 50%; translate: -50% 0; }
    }
"""
MOMENT = """
    src/dates.ts:1:import moment from 'moment';
    src/report/Header.tsx:3:import moment from 'moment/min/moment-with-locales';
"""
NPM_LS = """
    lumen-web@3.5.0 /Users/tomas/lumen-web
    └── moment@2.30.1
"""
BUNDLE_DIFF = """
    vite v7.1.2 building for stats...
    ✓ 1,482 modules transformed.
    package                v3.4.0      HEAD      diff
    moment                      -    289 kB   +289 kB
    @lumen/chart-fonts          -     98 kB    +98 kB
    src                    211 kB    226 kB    +15 kB
    react-dom              131 kB    131 kB         -
    d3-scale                38 kB     38 kB         -
    total                  380 kB    782 kB   +402 kB
"""
