//! How the page of a certificate looks: on paper black on white, on a screen light or dark, on a phone in one column.

pub(super) const STYLE: &str = ":root{--text:#1b1f24;--quiet:#59636e;--line:#d1d9e0;--ground:#fff;--card:#f6f8fa;\
--good:#116329;--good-ground:#dafbe1;--part:#7d4e00;--part-ground:#fff8c5;--bad:#a40e26;--bad-ground:#ffebe9}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--quiet:#9198a1;--line:#3d444d;--ground:#0d1117;--card:#151b23;\
--good:#56d364;--good-ground:#12261e;--part:#e3b341;--part-ground:#272115;--bad:#ff7b72;--bad-ground:#301a1f}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,'Helvetica Neue',Arial,sans-serif}
main{max-width:860px;margin:0 auto;padding:24px 20px 40px}
h1{font-size:26px;line-height:1.2;margin:0}
h2{font-size:15px;margin:22px 0 6px;break-after:avoid}
p{margin:6px 0}
.kind{margin:0 0 2px;color:var(--quiet);text-transform:uppercase;letter-spacing:.06em;font-size:12px}
.sub{color:var(--quiet);margin:4px 0 0}
.verdict{display:flex;gap:14px;align-items:center;border-radius:8px;padding:12px 16px;margin:18px 0;border:1px solid}
.verdict strong{font-size:20px}
.verdict p{margin:0}
.sign{font-size:28px;line-height:1;font-weight:700}
.good{color:var(--good);background:var(--good-ground)}
.part{color:var(--part);background:var(--part-ground)}
.bad{color:var(--bad);background:var(--bad-ground)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;margin:0 0 14px}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:9px 12px}
.figures span,.figures small{display:block;color:var(--quiet);font-size:12px}
.figures b{display:block;font-size:18px}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:4px 14px 4px 0;border-bottom:1px solid var(--line)}\
td{overflow-wrap:anywhere}
th{font-weight:600}
.facts th{width:150px;white-space:nowrap;font-weight:400;color:var(--quiet)}
.compared td{width:38%;font-variant-numeric:tabular-nums}
.compared th[scope]{font-weight:400;color:var(--quiet)}
.list td:last-child{width:60%}\
.checks td:first-child{white-space:nowrap}
tr{break-inside:avoid}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:8px 12px;white-space:pre-wrap;overflow-wrap:anywhere;\
font:13px/1.45 ui-monospace,'DejaVu Sans Mono',Menlo,monospace}
a{color:inherit}
.hand{margin-top:22px;break-inside:avoid;color:var(--quiet)}
.line{border-bottom:1px solid var(--quiet);height:24px}
.signed{display:grid;grid-template-columns:2fr 1fr;gap:24px;margin-top:34px}
.signed span{border-top:1px solid var(--quiet);padding-top:3px}
@media(max-width:560px){main{padding:16px 14px 32px}.facts tr{display:block;border-bottom:1px solid var(--line);padding:4px 0}\
.facts th,.facts td{display:block;width:auto;border:0;padding:0}h1{font-size:22px}}
@media print{:root{--text:#000;--quiet:#444;--line:#bbb;--ground:#fff;--card:#fff;--good:#0b4d1f;--good-ground:#fff;--part:#5c3a00;\
--part-ground:#fff;--bad:#8a0c20;--bad-ground:#fff}@page{margin:9mm 12mm}body{font-size:8pt;line-height:1.22}main{max-width:none;padding:0}\
h1{font-size:15pt}h2{font-size:9pt;margin:5px 0 1px}p{margin:1px 0}.verdict{padding:4px 10px;margin:6px 0}.verdict strong{font-size:12pt}\
.sign{font-size:16pt}.figures{gap:6px;margin-bottom:4px}.figures div{padding:3px 8px}.figures b{font-size:11pt}\
.figures span,.figures small{font-size:7pt}th,td{padding:.6px 10px .6px 0}.facts th{width:105px}.save{display:none}\
pre{margin:2px 0;padding:2px 8px;font-size:7.5pt}.hand{margin-top:6px}.line{height:15px}.signed{margin-top:18px}}";
