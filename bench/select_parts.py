"""SELECT over a stream of ten million events: by topic and minute, and what it costs to look into
each of them."""

import measure

TABLES = 8


def select(world, table):
    """Ten million made-up events in eight topics; each query is a process from exec to exit."""
    n = world.scaled(10_000_000)
    leat = world.leat()
    conf = leat.write(
        "gen.properties",
        {
            "connector.class": "datagen",
            "topic.prefix": "gen",
            "datagen.rate": 0,
            "datagen.events": n,
            "datagen.tables": TABLES,
            "datagen.keys": 100_000,
        },
    )
    measure.run([leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn", conf])

    def asking(text):
        command = [leat.binary, "sql", "--data", leat.data, "--timeout", "60", "-e", text]
        return measure.run(command, keep=True)

    topic = "gen.datagen.t3"
    first = asking(f'SELECT ts FROM "{topic}" LIMIT 1').out.decode().split("\n")[2].strip()
    things = {
        "all topics by minute": "SELECT topic, minute, records FROM minutes ORDER BY 1, 2",
        "one topic, one second": f'SELECT op, count(*) FROM "{topic}" WHERE '
        f"ts >= '{first}' AND ts < datetime('{first}', '+1 second') GROUP BY 1",
        "one topic, all of it": f'SELECT op, count(*) FROM "{topic}" GROUP BY 1',
        "every event counted": "SELECT count(*) FROM events",
    }
    costs = {name: [asking(text) for _ in range(world.runs)] for name, text in things.items()}
    for name, all_ in costs.items():
        bound = 1.0 if name in ("all topics by minute", "one topic, one second") else None
        seconds = [c.seconds for c in all_]
        table.add("select", name, seconds, "s", bound, least=False, cpu=[c.cpu for c in all_])
    world.forget(leat)


PARTS = {"select": select}
