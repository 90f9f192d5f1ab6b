"""A program with much of what the engine keeps, for `edits`."""

from __future__ import annotations

PROGRAM = {
    "web/views.py": """\
from flask import Flask, request, render_template
import os
from web import tools, models
from web.tools import wrapped, clean as tidy
app = Flask(__name__)

@app.route("/a")
def a():
    store = models.Store(request.args["path"])
    store.keep(request.args["name"])
    return store.run()

@app.route("/b")
@wrapped
def b():
    value = tidy(request.args["b"])
    tools.call(tools.shell, value)
    return render_template("page.html", title=value)

@app.route("/c")
def c():
    made = tools.maker(request.args["c"])
    return made("x")
""",
    "web/tools.py": """\
import os
LIMIT = 3
MODE = "a"
SHARED = OTHER = []
last = None

def wrapped(function):
    def inner(*args, **more):
        return function(*args, **more)
    return inner

def clean(text):
    if MODE == "b":
        return int(text)
    return deep(text, LIMIT)

def deep(text, n):
    return text if n == 0 else deep(text, n - 1)

def shell(text):
    global last
    last = text
    os.system("ls " + text)

def again():
    os.system(last)

def call(target, value):
    return target(value)

def maker(text):
    def made(more):
        os.system(text + more)
        return text
    return made

def collect(text):
    mine = SHARED
    mine.append(text)
    other = OTHER
    os.system(other[0])
""",
    "web/models.py": """\
import os
from web.tools import call

class Base:
    kind = "ls"

    def run(self):
        call(os.system, self.path)
        return self.name

    def late(self):
        return self.extra

class Store(Base):
    def __init__(self, path):
        self.path = path
        self.name = ""

    def keep(self, name):
        self.name = name
        self.extra = input()

    def show(self):
        os.system(self.late())
        os.system(self.kind)

class Other(Base):
    def go(self, queue):
        call(self.run, queue)
        call(lambda one: os.system(one + self.kind), input())
""",
    "web/templates/page.html": "<p>{{ title|safe }}</p>\n",
    "jobs.py": """\
import sys
from web.models import Store, Other
from web import tools

def main():
    store = Store(sys.argv[1])
    store.keep(sys.argv[2])
    store.show()
    tools.collect(sys.argv[3])
    Other().go(sys.argv[4])
    tools.call(tools.maker(sys.argv[5]), "z")
""",
}

PROGRAM |= {
    "web/first.py": """\
import os
from web.second import later, Above
from web.models import *
CHOSEN = os.environ.get("CHOSEN")

class Below(Above):
    def __init__(self, text):
        super().__init__(text)
        self.own = text

    def do(self):
        os.system(self.text + self.own)

def use(text):
    return later(Below(text))
""",
    "web/second.py": """\
import os
import web.first
from web import tools

def checked(function):
    def inner(text):
        if not text.isalnum():
            raise ValueError(text)
        return function(text)
    return inner

class Above:
    def __init__(self, text):
        self.text = text

def later(one):
    one.do()
    os.system(web.first.CHOSEN)
    return Other if one else Store

@checked
def guarded(text):
    os.system("cat " + text)
""",
    "late.py": """\
import sys
from web.first import *
from web.second import guarded

made = use(sys.argv[1])
chosen = CHOSEN

def main():
    guarded(sys.argv[2])
    store = Store(sys.argv[3])
    store.run()
    yield chosen
    tools.call(tools.shell, chosen)
""",
}

PROGRAM |= {
    "boxes.py": """\
import os
from web.tools import SHARED, clean

def unknown():
    return os.environ.copy()

def handed():
    return unknown()

def again():
    return handed()

def pair(text):
    one = unknown()
    return one, one, text

def shared():
    return SHARED

class Box:
    def __init__(self, text):
        self.texts = [text]
        self.own = {"a": clean(text), "b": unknown()}

    def add(self, text):
        self.texts.append(text)
        return self

    def all(self):
        return " ".join(self.texts)

def filled(text):
    return Box("ls").add(text)
""",
    "using.py": """\
import os
import sys
from boxes import Box, again, filled, handed, pair, shared, unknown

def one():
    first = handed()
    second = again()
    first.extra = input()
    os.system(second.extra)

def two():
    first, second, text = pair(sys.argv[1])
    first.extra = text
    os.system(second.extra)

def three():
    mine = shared()
    mine.append(sys.argv[1])
    os.system(shared()[0])
    os.system(unknown()["a"])

def four():
    box = filled(sys.argv[1])
    os.system(box.all())
    os.system(box.own["a"])

def five():
    box = Box(sys.argv[2])
    os.system(box.add("x").texts[0])
    os.system(filled("x").all())
""",
}

PROGRAM |= {
    "hooks.py": """\
import os
import functools
from web.tools import call, clean, wrapped
LISTENERS = []
handlers = {}
last = None

def on(name, callback):
    LISTENERS.append(callback)
    handlers[name] = callback

def fire(name, text):
    handlers[name](text)
    for one in LISTENERS:
        one(text)

class Timer:
    def __init__(self, interval, function, done=None):
        self.interval = interval
        self.function = function
        self.done = done

    def go(self, text):
        self.function(text)
        if self.done is not None:
            self.done(self.interval())

class Engine:
    def __init__(self, command):
        self.command = command
        self.timer = Timer(lambda: command, self.run, done=functools.partial(call, os.system))
        self.state = State(self, lambda text: os.system(self.command + text))

    def run(self, text):
        os.system(self.command + text)

    @wrapped
    def wrap(self, text):
        os.system(text)

class State:
    def __init__(self, engine, changed):
        self.engine = engine
        self.changed = changed
        self.counter = counted(engine.command)

    def change(self, text):
        self.changed(text)
        self.counter(text)
        self.engine.timer.go(text)

def counted(text):
    seen = []
    count = text
    def inner(more):
        nonlocal count
        seen.append(more)
        os.system(count)
        count = more
        return inner
    return inner

def local(text):
    class Made:
        def __init__(self):
            self.text = text
        def show(self):
            os.system(self.text)
    return Made()
""",
    "plugs.py": """\
import os
import sys
import hooks
from hooks import Engine, Timer, counted, fire, local, on

class Plug:
    def __init__(self):
        self.engine = Engine(sys.argv[1])
        self.made = local(sys.argv[2])
        self.late = None

    def start(self):
        prefix = sys.argv[3]
        def called(text):
            os.system(prefix + text)
        on("a", called)
        on("b", self.engine.run)
        on("c", lambda text: called(prefix))
        self.late = called
        self.engine.state.change("x")
        hooks.last = counted(prefix)
        Timer(lambda: 3, self.engine.wrap)

    def stop(self):
        self.made.show()
        if self.late:
            self.late(input())
        self.engine.timer.go("y")
""",
    "fires.py": """\
import sys
import hooks
from hooks import Timer, fire
from plugs import Plug

def one():
    fire("a", sys.argv[1])

def two():
    plug = Plug()
    plug.start()
    plug.stop()

def three(timer: Timer):
    timer.go(input())
    hooks.last(sys.argv[2])
""",
}
