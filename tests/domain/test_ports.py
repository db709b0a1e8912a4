"""Ports are protocols and values, nothing that does anything."""

import inspect

import domain.ports


def test_a_port_has_no_code() -> None:
    for name, one in inspect.getmembers(domain.ports, inspect.isclass):
        if one.__module__ != "domain.ports" or not getattr(one, "_is_protocol", False):
            continue
        for method, function in inspect.getmembers(one, inspect.isfunction):
            if method.startswith("_") and method != "__call__":
                continue
            body = [line.strip() for line in inspect.getsource(function).splitlines()]
            assert body[-1].endswith("..."), f"{name}.{method} does something"
