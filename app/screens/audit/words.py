"""What the states of a report are called and how they are marked: (word, tone, glyph)."""

WORDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "verdict": {
        "live": ("Live", "ok", "done"),
        "quiet": ("Quiet", "mute", "pause"),
        "empty": ("Empty", "mute", "open"),
        "look_alike": ("Look-alike", "warn", "part"),
        "broken": ("Broken", "danger", "fail"),
    },
    "built": {
        "all": ("Built", "ok", "done"),
        "some": ("Partly built", "warn", "part"),
        "none": ("Not built", "mute", "draft"),
    },
    "reachable": {"yes": ("Reachable", "ok", "done"), "no": ("Not reachable", "mute", "draft")},
    "used": {"yes": ("Used", "ok", "done"), "no": ("Not used", "mute", "pause")},
    "job": {
        "ran": ("Ran", "ok", "done"),
        "failing": ("Failing", "danger", "fail"),
        "late": ("Late", "warn", "warn"),
        "paused": ("Paused", "mute", "pause"),
        "never": ("Never ran", "mute", "draft"),
        "undeclared": ("Undeclared", "warn", "part"),
    },
    "source": {
        "code": ("In the code", "mute", "dot"),
        "schedule": ("A recurring job", "mute", "dot"),
        "queue": ("Only in the queue", "warn", "dot"),
    },
    "module": {
        "answers": ("Answers", "ok", "done"),
        "partly": ("Partly", "warn", "part"),
        "silent": ("Does not answer", "danger", "fail"),
        "not_probed": ("Not probed", "mute", "draft"),
    },
    "answer": {
        "yes": ("Answers", "ok", "done"),
        "asks": ("Asks who it is", "ok", "done"),
        "no": ("Not there", "danger", "fail"),
        "fails": ("Fails", "danger", "fail"),
        "silent": ("Silent", "danger", "fail"),
        "": ("Not probed", "mute", "draft"),
    },
    "change": {
        "appeared": ("Appeared", "info", "open"),
        "vanished": ("Vanished", "danger", "off"),
        "came_alive": ("Came alive", "ok", "done"),
        "went_quiet": ("Went quiet", "warn", "pause"),
        "broke": ("Broke", "danger", "fail"),
        "mended": ("Mended", "ok", "done"),
        "better": ("Better", "ok", "done"),
        "worse": ("Worse", "warn", "warn"),
    },
}
