"""Template engines: a stranger must not write the template; marking as safe skips escaping."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, clean, gives, same, sink, special, stops

ROWS: tuple[Row, ...] = (
    special("jinja2.Template", "template_of_text"),
    special("jinja2.Environment", "environment"),
    special("jinja2.DictLoader", "templates_by_name"),
    same("jinja2.loaders.DictLoader", "jinja2.DictLoader"),
    gives("jinja2.sandbox.SandboxedEnvironment", "@jinja2.Sandbox"),
    special("@jinja2.Environment.from_string", "template_of_text"),
    special("@jinja2.Environment.get_template", "get_template"),
    special("@jinja2.Template.render", "render_object"),
    *(gives(name, "@jinja2.Module") for name in (".make_module", "@jinja2.Template.make_module")),
    clean("@jinja2.Module.*", "xss"),  # macros, which escape what they are given
    sink("mako.template.Template", "template", "0 text"),
    gives("mako.template.Template", "@mako.Template"),
    sink("tornado.template.Template", "template", "0 template_string"),
    sink("chameleon.PageTemplate", "template", "0 body"),
    sink("Cheetah.Template.Template", "template", "0 source"),
    *(
        sink(f"genshi.template.{name}", "template", "0 source")
        for name in ("MarkupTemplate", "TextTemplate", "NewTextTemplate", "OldTextTemplate")
    ),
    *(
        sink(f"bottle.{name}", "template", "0 source", weak=1)
        for name in ("SimpleTemplate", "Jinja2Template")
    ),
    sink("web.template.Template", "template", "0 text"),
    sink("airspeed.Template", "template", "0 content"),
    sink("markupsafe.Markup", "xss", "0 object"),
    gives("markupsafe.Markup", "@markupsafe.Markup"),
    clean("markupsafe.escape", "xss"),
    clean("@markupsafe.Markup.format", "xss"),
    clean("markupsafe.Markup.escape", "xss"),
    same("flask.Markup", "markupsafe.Markup"),
    same("jinja2.Markup", "markupsafe.Markup"),
    same("flask.escape", "markupsafe.escape"),
    same("jinja2.escape", "markupsafe.escape"),
    same("markupsafe.escape_silent", "markupsafe.escape"),
    clean("bleach.clean", "xss"),
    *(clean(name, "xss") for name in (".clean", ".sanitize", ".sanitise")),  # of a cleaner of HTML
    clean("nh3.clean", "xss"),
    same("bleach.linkify", "bleach.clean"),
    stops("@page.*"),
)
