"""The one style sheet of the HTML pages, the policy that lets nothing else in, and the frame of a lone page.

Colours follow the reader's scheme. Every text has a contrast to its ground of at least 4.5 : 1 (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape

_SVG_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

CSS = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1b2330;--soft:#556170;--line:#dde2e9;--panel:#f6f8fa;--link:#0b57c4;
--mark:#eef3fb;--kw:#8b2a8f;--name:#0b4fae;--par:#1b2330;--type:#14665a;--def:#8a4b08;--warn:#fff6df;
--warnline:#b7791f;
--bad:#a4262c}
@media (prefers-color-scheme:dark){:root{--bg:#12161d;--fg:#e3e8ef;--soft:#9ba7b6;--line:#2b3442;--panel:#181e27;
--link:#7db4ff;--mark:#1b2738;--kw:#d79be0;--name:#8cbcff;--par:#e3e8ef;--type:#7fd3c4;--def:#e3b27a;--warn:#2d2615;
--warnline:#d0a14a;--bad:#ff9c9c}}
*{box-sizing:border-box}
html{scroll-padding-top:3.5rem}
body{margin:0;font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--fg);
background:var(--bg)}
a{color:var(--link);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}
a:focus-visible,summary:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
code{font-size:.875em;background:var(--panel);border-radius:4px;padding:.1em .3em;overflow-wrap:anywhere}
pre{font-size:.84rem;line-height:1.55;background:var(--panel);border:1px solid var(--line);border-radius:8px;
padding:.75rem 1rem;overflow-x:auto;margin:.75rem 0;tab-size:4}
.skip{position:absolute;left:-99rem}.skip:focus{left:.5rem;top:.5rem;background:var(--bg);padding:.5rem;z-index:9}
header{position:sticky;top:0;z-index:5;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:center;
padding:.6rem 1.5rem;
background:var(--bg);border-bottom:1px solid var(--line);font-size:.92rem}
header .title{font-weight:650;color:var(--fg)}header nav{margin-left:auto;display:flex;gap:1.25rem}
.crumbs{display:flex;flex-wrap:wrap;gap:.1rem .35rem;margin:0;padding:0;list-style:none;color:var(--soft)}
.crumbs li+li::before{content:"/";margin-right:.35rem;color:var(--soft)}
.frame{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:90rem;margin:0 auto}
aside{position:sticky;top:3rem;align-self:start;max-height:calc(100vh - 3rem);overflow:auto;
padding:1.25rem 1rem 2rem 1.5rem;
border-right:1px solid var(--line);font-size:.88rem;line-height:1.45}
aside h2{font-size:.75rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:1.1rem 0 .35rem}
aside ul{list-style:none;margin:0;padding:0}aside ul ul{padding-left:.8rem}
aside li{overflow-wrap:anywhere;padding:.08rem 0}
aside [aria-current]{font-weight:650;color:var(--fg)}
main{padding:1.5rem 2.5rem 4rem;min-width:0;max-width:62rem}
h1{font-size:1.75rem;line-height:1.25;margin:.25rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.5rem 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
.kind{font-size:.72rem;font-weight:600;letter-spacing:.04em;color:var(--soft);border:1px solid var(--line);
border-radius:99px;padding:.08rem .55rem;vertical-align:.12em;white-space:nowrap}
.kind.old{color:var(--warnline);border-color:var(--warnline)}
.entry{margin:1.6rem 0}.entry .entry{margin:1.1rem 0 1.1rem;padding-left:1.1rem;border-left:2px solid var(--line)}
.entry:target>.head,h1:target{background:var(--mark);box-shadow:0 0 0 6px var(--mark);border-radius:4px}
.head{display:flex;flex-wrap:wrap;gap:.15rem .6rem;align-items:baseline}
.head h3,.head h4,.head h5{margin:0;font-size:1.06rem;font-weight:650;overflow-wrap:anywhere}
.head h4,.head h5{font-size:.98rem}.head h3 a,.head h4 a,.head h5 a{color:inherit}
.src{margin-left:auto;font-size:.78rem;color:var(--soft);overflow-wrap:anywhere;text-align:right}
code.sig{background:none;padding:0;white-space:pre-wrap}
.bare td{vertical-align:baseline}.bare td+td{text-align:right;padding-right:0}
.entry>.bare{margin-left:1.1rem;width:calc(100% - 1.1rem)}

.bare tr:target{background:var(--mark)}
pre.sig{margin:.45rem 0 .6rem}.sig .k{color:var(--kw)}.sig .n{color:var(--name);font-weight:650}
.sig .p{color:var(--par)}
.sig .t{color:var(--type)}.sig a{text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:2px}
.sig .d{color:var(--def)}
.note{background:var(--warn);border-left:4px solid var(--warnline);border-radius:0 6px 6px 0;padding:.55rem .9rem;
margin:.75rem 0}
.doc p{overflow-wrap:anywhere}.note p{margin:.3rem 0}.doc>p:first-child,.note>:first-child{margin-top:0}
blockquote{margin:.75rem 0;padding:.1rem .9rem;border-left:4px solid var(--line);color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem;font-size:.92rem}
th{text-align:left;font-size:.75rem;letter-spacing:.05em;text-transform:uppercase;color:var(--soft);font-weight:600}
th,td{padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child{min-width:9rem}td:first-child code{overflow-wrap:break-word}
.file{margin:-.6rem 0 1rem}.file .src{margin:0}td p{margin:.1rem 0}td pre{margin:.3rem 0}
.fields{margin:.75rem 0}.fields h6{font-size:.8rem;margin:.9rem 0 .2rem;color:var(--soft);letter-spacing:.02em}
.fields table{margin-top:0}.type{color:var(--type);font-family:ui-monospace,Menlo,Consolas,monospace;
font-size:.84em}
.soft{color:var(--soft);font-size:.9rem}.list{padding-left:1.2rem}.list li{margin:.15rem 0;overflow-wrap:anywhere}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
.letters{display:flex;flex-wrap:wrap;gap:.35rem .8rem;padding:0;list-style:none;font-weight:600}
.names{columns:2 24rem;column-gap:2.5rem;list-style:none;padding:0;font-size:.9rem}
.names li{break-inside:avoid;padding:.12rem 0;overflow-wrap:anywhere}.names .soft{font-size:.85em}
.out::after{content:" \\2197";font-size:.8em}
footer{border-top:1px solid var(--line);padding:1rem 2.5rem;color:var(--soft);font-size:.85rem}
pre .k,pre .kn,pre .ow,pre .kc{color:var(--kw)}pre .s1,pre .s2,pre .sd,pre .s{color:var(--def)}
pre .c1,pre .c,pre .go{color:var(--soft)}pre .nf,pre .nc{color:var(--name)}pre .mi,pre .mf{color:var(--type)}
pre .gp{color:var(--soft);user-select:none}pre .err{color:inherit}
@media (max-width:60rem){.frame{display:flex;flex-direction:column}
aside{order:2;position:static;max-height:none;border-right:0;border-top:1px solid var(--line);padding:1rem 1.25rem}
main{padding:1rem 1.25rem 3rem;max-width:100%}header{padding:.6rem 1.25rem}
header nav{margin-left:0}.src{margin-left:0;width:100%;text-align:left}}
@media (max-width:40rem){table{display:block;overflow-x:auto}td:first-child{min-width:0}
.fields tbody,.fields tr,.fields td{display:block}.fields td{border:0;padding:.05rem 0}
.fields tr{border-bottom:1px solid var(--line);padding:.35rem 0}}
@media print{header,aside{display:none}.frame{display:block}main{max-width:none}}
"""


def policy(*styles: str) -> str:
    """Let a page load style sheets of this text and nothing else: no script runs, whatever a docstring holds."""
    digests = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in styles)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'"


def lone_page(title: str, body: str, *, css: str, drawn: str = "") -> str:
    """Give a page that stands alone, offline, without a script. `body` is HTML, `drawn` an SVG with a style in it."""
    rules = escape(policy(css, *_SVG_STYLE.findall(drawn)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{css}</style></head>"
        f"<body><main>{body}</main>"
        "<footer>Made from the source alone; nothing of it was run.</footer></body></html>\n"
    )
