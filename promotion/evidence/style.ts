/** The page's looks, by light and by dark. */
export const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1c2128;--dim:#59636e;--rule:#d6dbe1;--soft:#f4f6f8;--accent:#0b57d0;
--wait:#dde2e8;--good:#cfe2ff;--live:#bfe8e4;--done:#c4ebc9;--moving:#ffe2a8;--bad:#ffcfca;--back:#e4d7fb;--is-good:#1a7f37;--is-bad:#c0271b}
@media(prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e6eaef;--dim:#98a3af;--rule:#353c45;--soft:#1d232a;--accent:#8ab4ff;
--wait:#39424c;--good:#1f3f70;--live:#12504b;--done:#1d5229;--moving:#6b4a06;--bad:#7a2320;--back:#4b3477;--is-good:#56d364;--is-bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}
header h1{margin:.2rem 0 0;font-size:1.7rem;line-height:1.2}
h1 small{font-weight:400;color:var(--dim)}
h2{margin:2rem 0 .6rem;font-size:1.15rem;border-bottom:1px solid var(--rule);padding-bottom:.25rem}
h3{margin:1rem 0 .3rem;font-size:1rem}
p{margin:.3rem 0;overflow-wrap:anywhere}
ul{margin:.3rem 0;padding-left:1.2rem}
li{overflow-wrap:anywhere}
.dim{color:var(--dim)}
.outcome{display:inline-block;margin:0;padding:.1rem .7rem;border:2px solid;border-radius:1rem;font-weight:600}
.is-good,.pass{color:var(--is-good)}
.is-bad,.fail,.error{color:var(--is-bad)}
.unknown,.warning{color:var(--dim);font-style:italic}
.verdict{font-weight:600}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--dim);white-space:nowrap}
td{min-width:3.5rem}
td:last-child{overflow-wrap:anywhere}
@media(max-width:40rem){td:last-child:not(:nth-child(n+6)){min-width:15rem}.chart .roomy{display:none}}
code,pre{font:.85em/1.45 ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace}
pre{margin:.4rem 0;padding:.7rem;background:var(--soft);border:1px solid var(--rule);border-radius:.3rem;overflow:auto;max-height:30rem}
details{margin:.3rem 0}
summary{cursor:pointer;overflow-wrap:anywhere}
summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
footer{margin-top:2.5rem;font-size:.85rem}
.chart{display:block;margin:.4rem 0 0;overflow:hidden}
.chart text{fill:var(--ink);font-size:12px}
.chart .name{font-weight:600;font-size:13px}
.chart .tick{fill:var(--dim)}
.grid{stroke:var(--rule);stroke-dasharray:2 3}
.span{stroke:var(--page);stroke-width:1}
.span.wait{fill:var(--wait)}.span.good{fill:var(--good)}.span.live{fill:var(--live)}.span.done{fill:var(--done)}
.span.moving{fill:var(--moving)}.span.bad{fill:var(--bad)}.span.back{fill:var(--back)}
line.mark{stroke-width:2;stroke:var(--is-good)}line.mark.back{stroke:var(--is-bad)}
text.mark.live{fill:var(--is-good)}text.mark.back{fill:var(--is-bad)}
@media print{pre{max-height:none}}
`;
