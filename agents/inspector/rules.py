"""What the tools' rules mean to a reviewer: one row per rule that we report.

Severity says how bad it is if true, confidence how often the tool is right about it. The rows are also the selection:
a ruff rule without a row is not run. Left out on purpose: formatting and style, rules that are mostly
noise in working code (B008, B905, S603, S607, imports of suspicious modules), rules that need annotations.
A pattern alone does not see whether input reaches it: the taint engine proves that, with a higher severity. So SQL
from strings, pickles, exec, HTML marked as safe, templates without escaping (which also make files that are no HTML)
and broken hashes (checksums, mostly) weigh less here; so does a cache on a method, whose object mostly lives as long
as the program. CWE numbers follow bandit's own mapping, except where that is
coarse: eval is 95, XML parsing is 611.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.findings import Category, Confidence, Severity

_SEVERITIES = {
    "C": Severity.CRITICAL,
    "H": Severity.HIGH,
    "M": Severity.MEDIUM,
    "L": Severity.LOW,
    "I": Severity.INFO,
}
_CONFIDENCES = {"H": Confidence.HIGH, "M": Confidence.MEDIUM, "L": Confidence.LOW}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a rule is shown and weighed."""

    code: str
    title: str
    severity: Severity
    confidence: Confidence
    category: Category
    cwe: tuple[int, ...] = ()


# A row: code, severity and confidence by first letter, CWE numbers, title.
_Row = tuple[str, str, tuple[int, ...], str]

SECURITY: tuple[_Row, ...] = (
    ("S101", "IL", (703,), "Check by assert, which python -O removes"),
    ("S102", "LL", (95,), "Code executed from a string by exec"),
    ("S103", "MM", (732,), "File made writable or executable for everybody"),
    ("S104", "LL", (605,), "Server bound to all network interfaces"),
    ("S108", "LL", (377,), "Predictable name in a shared temporary folder"),
    ("S110", "LM", (703,), "Exception swallowed by except/pass"),
    ("S112", "LM", (703,), "Exception swallowed by except/continue"),
    ("S113", "MH", (400,), "HTTP request without a timeout"),
    ("S201", "HH", (489, 94), "Flask started in debug mode"),
    ("S202", "MM", (22,), "Archive unpacked without checking its paths"),
    ("S301", "LL", (502,), "Data deserialised by pickle"),
    ("S302", "LL", (502,), "Data deserialised by marshal"),
    ("S303", "LM", (327,), "Broken hash function"),
    ("S304", "HM", (327,), "Broken cipher"),
    ("S305", "MM", (327,), "Insecure cipher mode"),
    ("S306", "MH", (377,), "Race in a temporary file made by mktemp"),
    ("S307", "HM", (95,), "Expression evaluated from a string by eval"),
    ("S308", "LL", (79,), "HTML marked as safe without escaping"),
    ("S310", "LL", (22, 918), "URL opened without checking its scheme"),
    ("S311", "LL", (330,), "Predictable random number"),
    ("S312", "MM", (319,), "Telnet, which sends everything in clear text"),
    ("S313", "LL", (611,), "XML parser open to hostile documents"),
    ("S314", "LL", (611,), "XML parser open to hostile documents"),
    ("S315", "LL", (611,), "XML parser open to hostile documents"),
    ("S316", "LL", (611,), "XML parser open to hostile documents"),
    ("S317", "LL", (611,), "XML parser open to hostile documents"),
    ("S318", "LL", (611,), "XML parser open to hostile documents"),
    ("S319", "LL", (611,), "XML parser open to hostile documents"),
    ("S321", "MM", (319,), "FTP, which sends everything in clear text"),
    ("S323", "HM", (295,), "TLS certificates are not verified"),
    ("S324", "LM", (327, 328), "Broken hash function"),
    ("S501", "HH", (295,), "TLS certificates are not verified"),
    ("S502", "HM", (327,), "Broken TLS version"),
    ("S503", "MM", (327,), "Broken TLS version by default"),
    ("S504", "LL", (327,), "TLS version left to the default"),
    ("S505", "HM", (326,), "Cryptographic key too short"),
    ("S506", "MM", (502,), "YAML loaded with a loader that can run code"),
    ("S507", "HH", (295,), "SSH host keys are not verified"),
    ("S508", "MM", (319,), "SNMP without encryption"),
    ("S509", "MM", (319,), "SNMP with weak cryptography"),
    ("S601", "LL", (78,), "Shell command through paramiko"),
    ("S602", "HM", (78,), "Command run through a shell"),
    ("S604", "LL", (78,), "Function called with shell=True"),
    ("S605", "HM", (78,), "Command run through a shell"),
    ("S608", "LL", (89,), "SQL put together from strings"),
    ("S609", "MM", (155,), "Wildcard in a shell command"),
    ("S610", "LL", (89,), "Raw SQL through extra()"),
    ("S611", "LL", (89,), "Raw SQL through RawSQL()"),
    ("S612", "HM", (94,), "Logging configuration accepted from a socket"),
    ("S701", "LL", (79,), "Templates rendered without escaping"),
    ("S702", "LL", (79,), "Mako templates do not escape by default"),
    ("S704", "LL", (79,), "HTML marked as safe without escaping"),
    ("DJ006", "LL", (915,), "Model form accepts every field but the excluded"),
    ("DJ007", "LL", (915,), "Model form accepts every field"),
    ("PLE2502", "HM", (1007,), "Text direction characters that hide code"),
    ("B614", "LL", (502,), "Model file loaded by torch.load"),
    ("B615", "LL", (494,), "Model downloaded without a pinned revision"),
    ("B411", "IL", (776, 409), "XML-RPC, whose messages can be made to fill the memory"),
    ("B412", "LL", (284,), "CGI handler open to the httpoxy attack"),
    ("B413", "MM", (327,), "pyCrypto, which is abandoned and vulnerable"),
)

PASSWORDS: tuple[_Row, ...] = (
    ("S105", "LL", (259, 798), "Password in the source"),
    ("S106", "LL", (259, 798), "Password in the source"),
    ("S107", "LL", (259, 798), "Password in the source"),
)

CORRECTNESS: tuple[_Row, ...] = (
    ("F401", "IH", (), "Unused import"),
    ("F402", "MH", (), "Import hidden by a loop variable"),
    ("F403", "LH", (), "Star import hides which names exist"),
    ("F404", "HH", (), "Late __future__ import"),
    ("F406", "HH", (), "Star import inside a function"),
    ("F407", "HH", (), "Unknown __future__ feature"),
    ("F501", "HH", (), "Invalid % format"),
    ("F502", "HH", (), "% format needs a mapping"),
    ("F503", "HH", (), "% format needs a sequence"),
    ("F504", "LH", (), "Unused argument of a % format"),
    ("F505", "HH", (), "Missing argument of a % format"),
    ("F506", "HH", (), "% format mixes positions and names"),
    ("F507", "HH", (), "% format with the wrong number of arguments"),
    ("F508", "HH", (), "% format with * needs a sequence"),
    ("F509", "HH", (), "Unknown % format character"),
    ("F521", "HH", (), "Invalid format string"),
    ("F522", "LH", (), "Unused argument of format()"),
    ("F523", "LH", (), "Unused argument of format()"),
    ("F524", "HH", (), "Missing argument of format()"),
    ("F525", "HH", (), "format() mixes automatic and manual numbering"),
    ("F541", "IH", (), "f-string without a placeholder"),
    ("F601", "MH", (), "Repeated key in a dictionary"),
    ("F602", "MH", (), "Repeated key in a dictionary"),
    ("F621", "HH", (), "Too many values in a starred assignment"),
    ("F622", "HH", (), "Two stars in one assignment"),
    ("F631", "HH", (), "assert on a tuple is always true"),
    ("F632", "MH", (), "Identity compared with a literal"),
    ("F633", "MH", (), ">> with print has no effect"),
    ("F634", "HH", (), "if on a tuple is always true"),
    ("F701", "HH", (), "break outside a loop"),
    ("F702", "HH", (), "continue outside a loop"),
    ("F704", "HH", (), "yield outside a function"),
    ("F706", "HH", (), "return outside a function"),
    ("F707", "HH", (), "Default except is not the last"),
    ("F811", "MM", (), "Definition replaced before it was used"),
    ("F821", "HH", (), "Undefined name"),
    ("F822", "MH", (), "Undefined name in __all__"),
    ("F823", "HH", (), "Local variable used before it is set"),
    ("F841", "LH", (563,), "Variable assigned but never used"),
    ("F842", "IH", (), "Variable annotated but never used"),
    ("F901", "MH", (), "NotImplemented raised instead of NotImplementedError"),
    ("E722", "LH", (396,), "Bare except also catches exits"),
    ("B002", "MH", (), "++ and -- do nothing in Python"),
    ("B003", "MH", (), "os.environ replaced instead of changed"),
    ("B004", "LH", (), "Unreliable check for a callable"),
    ("B005", "MM", (), "strip() with a word removes characters, not the word"),
    ("B006", "LM", (1188,), "Mutable default argument is shared by all calls"),
    ("B012", "MH", (), "Exception lost by a jump in finally"),
    ("B014", "LH", (), "Exception caught twice"),
    ("B015", "MH", (), "Comparison without effect"),
    ("B016", "HH", (), "A literal is raised"),
    ("B017", "LM", (), "Test accepts any exception"),
    ("B018", "LM", (), "Expression without effect"),
    ("B019", "LL", (401,), "Cache on a method keeps its objects alive"),
    ("B020", "LH", (), "Loop variable takes the name of what is iterated"),
    ("B021", "LH", (), "f-string used as docstring"),
    ("B022", "LH", (), "suppress() without exceptions does nothing"),
    ("B023", "LL", (), "Function in a loop sees the variable's last value"),
    ("B025", "MH", (), "Second handler of the same exception never runs"),
    ("B029", "MH", (), "except () catches nothing"),
    ("B030", "HH", (), "except with something that is no exception"),
    ("B031", "MM", (), "Group of groupby() used twice"),
    ("B032", "MM", (), "Annotation where an assignment was meant"),
    ("B033", "LH", (), "Repeated value in a set"),
    ("B034", "IH", (), "Count or flags of a pattern passed by position"),
    ("B035", "HH", (), "Dictionary comprehension with a constant key"),
    ("B039", "MH", (), "Mutable default of a ContextVar"),
    ("B904", "IH", (), "Cause of an exception is lost"),
    ("DJ003", "LH", (), "All local variables handed to a template"),
    ("DJ013", "MH", (), "Receiver registered before its other decorators"),
    ("DTZ003", "LH", (), "Time of UTC that does not say so"),
    ("DTZ004", "LH", (), "Time of UTC that does not say so"),
    ("DTZ005", "LL", (), "Local time that does not say its zone"),
    ("FAST003", "MH", (), "Part of an address that its function does not take"),
    ("INT001", "MH", (), "Text filled in before it is looked up for translation"),
    ("INT002", "MH", (), "Text filled in before it is looked up for translation"),
    ("INT003", "MH", (), "Text filled in before it is looked up for translation"),
    ("LOG002", "MH", (), "Logger of a name that is none"),
    ("LOG009", "MH", (), "Undocumented level of logging"),
    ("PIE794", "MH", (), "Class attribute defined twice"),
    ("PIE796", "MM", (), "Two members of an enumeration with one value"),
    ("PT028", "LM", (), "Parameter of a test that nobody fills"),
    ("RUF006", "MM", (), "Task may vanish: nobody holds it"),
    ("RUF008", "MH", (), "Mutable default in a dataclass"),
    ("RUF016", "HH", (), "Index of the wrong type"),
    ("RUF018", "MH", (), "Assignment in an assert, which python -O removes"),
    ("RUF024", "MH", (), "One mutable value for all keys of dict.fromkeys()"),
    ("RUF026", "MH", (), "default_factory of a defaultdict passed by keyword"),
    ("RUF030", "MH", (), "print() as the message of an assert"),
    ("RUF032", "MH", (), "Decimal made of an inexact float"),
    ("RUF033", "MH", (), "Default of __post_init__ hides the field's"),
    ("RUF034", "MH", (), "Condition whose both outcomes are the same"),
    ("RUF040", "MH", (), "assert with a value where its message belongs"),
    ("T100", "MH", (489,), "Debugger started"),
    ("YTT101", "MH", (), "First letters of sys.version taken for a version"),
    ("YTT102", "MH", (), "First letters of sys.version taken for a version"),
    ("YTT103", "MH", (), "Version of Python compared as a text"),
    ("YTT201", "IH", (), "Check for Python 3 that fails for Python 4"),
    ("YTT202", "IH", (), "Check for Python 3 that fails for Python 4"),
    ("YTT203", "IH", (), "Minor version of Python compared without the major"),
    ("YTT204", "IH", (), "Minor version of Python compared without the major"),
    ("YTT301", "MH", (), "First letters of sys.version taken for a version"),
    ("YTT302", "MH", (), "Version of Python compared as a text"),
    ("YTT303", "MH", (), "First letters of sys.version taken for a version"),
    ("PLE0100", "HH", (), "yield in __init__"),
    ("PLE0101", "HH", (), "__init__ returns a value"),
    ("PLE0115", "HH", (), "Name is both nonlocal and global"),
    ("PLE0117", "HH", (), "nonlocal without such a name"),
    ("PLE0118", "HH", (), "Name used before its global declaration"),
    ("PLE0237", "HH", (), "Attribute that __slots__ lacks"),
    ("PLE0241", "HH", (), "Base class named twice"),
    ("PLE0302", "HH", (), "Special method with the wrong parameters"),
    ("PLE0303", "HH", (), "__len__ returns no length"),
    ("PLE0305", "HH", (), "__index__ returns no integer"),
    ("PLE0307", "HH", (), "__str__ returns no string"),
    ("PLE0308", "HH", (), "__bytes__ returns no bytes"),
    ("PLE0309", "HH", (), "__hash__ returns no integer"),
    ("PLE0604", "LH", (), "Invalid __all__"),
    ("PLE0605", "LH", (), "Invalid __all__"),
    ("PLE0643", "HM", (), "Index beyond the end"),
    ("PLE0704", "ML", (), "raise without an exception to raise again"),
    ("PLE1132", "HH", (), "Keyword argument given twice"),
    ("PLE1142", "HH", (), "await outside an async function"),
    ("PLE1205", "MH", (), "Too many arguments for a log message"),
    ("PLE1206", "MH", (), "Too few arguments for a log message"),
    ("PLE1300", "HH", (), "Unknown format character"),
    ("PLE1307", "HH", (), "Format of the wrong type"),
    ("PLE1310", "LH", (), "strip() with repeated characters"),
    ("PLE1507", "HH", (), "Environment variable name is no string"),
    ("PLE1519", "HH", (), "singledispatch on a method"),
    ("PLE1520", "HH", (), "singledispatchmethod on a function"),
    ("PLE1700", "HH", (), "yield from in an async function"),
    ("PLR0124", "LL", (), "Name compared with itself"),
    ("PLR0206", "MH", (), "Property with parameters, which nobody can pass"),
    ("PLW0120", "LH", (), "else of a loop without break, which always runs"),
    ("PLW0127", "LH", (), "Variable assigned to itself"),
    ("PLW0128", "LH", (), "Variable assigned twice at once"),
    ("PLW0129", "MH", (), "assert on a text is always true"),
    ("PLW0131", "HH", (), "Named expression without context"),
    ("PLW0133", "HH", (), "Exception made but not raised"),
    ("PLW0177", "MH", (), "Comparison with NaN is always false"),
    ("PLW0245", "MH", (), "super without brackets"),
    ("PLW0602", "LH", (), "global for a name that is not assigned"),
    ("PLW0711", "MH", (), "except with `or` or `and` catches one exception only"),
    ("PLW1501", "HH", (), "Invalid mode of open()"),
    ("PLW1507", "LH", (), "Shallow copy of os.environ"),
    ("PLW1508", "IM", (), "Default of an environment variable is no string"),
    ("PLW1509", "MM", (), "preexec_fn is unsafe with threads"),
    ("PLW1641", "IM", (), "Objects that can be compared but not hashed"),
    ("PLW2101", "HH", (), "Lock taken and released at once"),
)

PERFORMANCE: tuple[_Row, ...] = (
    ("ASYNC210", "MH", (), "Blocking HTTP call in an async function"),
    ("ASYNC212", "MM", (), "Blocking HTTP call in an async function"),
    ("ASYNC220", "MH", (), "Blocking subprocess in an async function"),
    ("ASYNC221", "MH", (), "Blocking subprocess in an async function"),
    ("ASYNC222", "MH", (), "Blocking wait in an async function"),
    ("ASYNC230", "LM", (), "File opened in an async function, which blocks"),
    ("ASYNC251", "MH", (), "Blocking sleep in an async function"),
    ("RUF017", "LH", (), "Lists added up in quadratic time"),
)

_MAINTAINABILITY = frozenset(
    {"F401", "F403", "F541", "F841", "F842", "B904", "E722", "B018", "B033", "PLW0120", "PLW0602"}
)
_TESTS = frozenset({"B017", "PT028"})

# Rules that say nothing about tests: asserts, made-up passwords and random data belong there.
NOT_IN_TESTS = frozenset(
    {
        *("S101", "S104", "S105", "S106", "S107", "S108", "S110", "S112", "S113", "S311", "B018"),
        *("DTZ003", "DTZ004", "DTZ005", "PLR0124", "PLW1641", "RUF018", "RUF024", "RUF032"),
        "PLW1509",
    }
)


def _rules(rows: tuple[_Row, ...], category: Category) -> dict[str, Rule]:
    return {
        code: Rule(
            code=code,
            title=title,
            severity=_SEVERITIES[weights[0]],
            confidence=_CONFIDENCES[weights[1]],
            category="maintainability"
            if code in _MAINTAINABILITY
            else "tests"
            if code in _TESTS
            else category,
            cwe=cwe,
        )
        for code, weights, cwe, title in rows
    }


RULES: dict[str, Rule] = {
    **_rules(SECURITY, "security"),
    **_rules(PASSWORDS, "secret"),
    **_rules(CORRECTNESS, "bug"),
    **_rules(PERFORMANCE, "performance"),
}

HARD_CODED = "secret-keyword"  # a password or key in the source, of no kind that its form tells

# bandit's name -> ours, where more than the first letter differs.
_BANDIT_ALIASES = {"B613": "PLE2502"}


def canonical(bandit_rule: str) -> str:
    """Give the name that bandit's rule has here: the one of the ruff rule with the same meaning, if any."""
    alias = _BANDIT_ALIASES.get(bandit_rule, f"S{bandit_rule[1:]}")
    return alias if alias in RULES else bandit_rule
