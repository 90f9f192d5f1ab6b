"""How often something may be asked for: rules as rows, buckets in Redis, one answer for all of them.

    addresses   where a request comes from, believing trusted proxies only
    rules       one rule as the engine reads it; what may stand in its fields
    book        the rules in memory, at most a second old
    calls       what is asked for, and which rules speak of it
    buckets     the arithmetic (GCRA) and its results
    shared      buckets in Redis, all of one call or none (gcra.lua); the circuit that bounds a sick Redis
    local       buckets in this process, for when Redis does not answer
    engine      take(): the door

Method: the generic cell rate algorithm (ITU-T I.371) as a virtual schedule, ADR 0018. Invariant: a call that one rule
refuses is charged to none. Nothing is imported here: the rows of `accounts.models` are checked by `rules`.
"""
