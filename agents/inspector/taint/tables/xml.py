"""XML: parsers whose settings matter, and XPath."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, passes, sink, special

_LXML = ["parse", "fromstring", "XML", "iterparse", "fromstringlist", "XMLID"]
_FIND = ["find", "findall", "iterfind", "findtext"]

ROWS: tuple[Row, ...] = (
    special("lxml.etree.XMLParser", "xml_parser"),
    special("lxml.etree.ETCompatXMLParser", "xml_parser"),
    *(special(f"lxml.etree.{name}", "xml_parse") for name in _LXML),
    gives("lxml.html.fromstring", "@etree.Element"),
    gives("lxml.etree.HTML", "@etree.Element"),
    special("lxml.objectify.fromstring", "xml_parse"),
    special("lxml.objectify.parse", "xml_parse"),
    gives("xml.sax.make_parser", "@xml.sax.Parser"),
    special("@xml.sax.Parser.setFeature", "sax_feature"),
    special("@xml.sax.Parser.parse", "xml_parse"),
    special("@xml.sax.Parser.feed", "xml_parse"),
    special("xml.sax.parseString", "xml_parse"),
    special("xml.sax.parse", "xml_parse"),
    special("xml.dom.minidom.parseString", "xml_parse"),
    special("xml.dom.minidom.parse", "xml_parse"),
    special("xml.dom.pulldom.parseString", "xml_parse"),
    special("xml.dom.pulldom.parse", "xml_parse"),
    *(
        gives(f"xml.etree.ElementTree.{name}", "@etree.Element")
        for name in ("parse", "fromstring", "XML", "iterparse")
    ),
    *(gives(f"defusedxml.ElementTree.{name}", "@etree.Element") for name in ("parse", "fromstring", "XML")),
    *(gives(f"@etree.Element.{name}", "@etree.Element") for name in ("getroot", "getroottree", "getparent")),
    *(sink(f"@etree.Element.{name}", "xpath", "0 path _path") for name in (*_FIND, "xpath")),
    sink("lxml.etree.XPath", "xpath", "0 path"),
    gives("lxml.etree.XPathEvaluator", "@lxml.etree.XPathEvaluator"),
    sink("@lxml.etree.XPathEvaluator", "xpath", "0"),
    sink("lxml.etree.ETXPath", "xpath", "0 path"),
    sink("elementpath.select", "xpath", "1 path"),
    sink("elementpath.iter_select", "xpath", "1 path"),
    sink("elementpath.Selector", "xpath", "0 path"),
    sink("elementpath.XPath2Parser.parse", "xpath", "0"),
    sink("xpath.find", "xpath", "0"),
    sink(".xpathEval", "xpath", "0"),
    sink(".xpath", "xpath", "0 query", weak=1),
    passes("xml.etree.ElementTree.tostring"),
    clean("xml.sax.saxutils.unescape", "regex"),
)
