"""Where the strings in a graph come from: a walk back through its functions."""

from collections import defaultdict
from typing import NamedTuple

from tensorflow.core.framework import types_pb2
from tensorflow.python.framework import op_def_registry

# The edges to follow; a variant holds the lists that loops build of strings.
_CARRIERS = {types_pb2.DT_STRING, types_pb2.DT_VARIANT}
# Their string inputs decide which string comes out but are no part of it.
_KEYS = {("LookupTableFind", "keys"), ("LookupTableFindV2", "keys")}
_LOOPS = {"While", "StatelessWhile"}
_BRANCHES = {"If", "StatelessIf", "Case", "StatelessCase"}


class Place(NamedTuple):
    """A tensor in a graph.

    Attributes:
        scope: The name of the function it is in, empty for the graph itself.
        tensor: How a `NodeDef` there writes it as an input.
        calls: The calls that led here, the innermost last: pairs of the
            caller's scope and the name of its node.
    """

    scope: str
    tensor: str
    calls: tuple = ()


class Dataflow:
    """The edges of a graph and its functions.

    Args:
        graph_def: A `GraphDef`.
    """

    def __init__(self, graph_def):
        self._functions = {f.signature.name: f for f in graph_def.library.function}
        self._nodes = {"": {node.name: node for node in graph_def.node}}
        for name, function in self._functions.items():
            self._nodes[name] = {node.name: node for node in function.node_def}
        self._callers = defaultdict(list)
        for scope, nodes in self._nodes.items():
            for node in nodes.values():
                for function in self._called(node):
                    self._callers[function].append((scope, node.name))

    def sources(self, place, stop=lambda node: False):
        """Finds all nodes whose strings may reach a place.

        Args:
            place: The `Place` to start from.
            stop: A function of a `NodeDef`: whether not to look behind it.

        Yields:
            Pairs of scope and `NodeDef`, calls and loops not among them.
        """
        seen, todo = set(), [place]
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            name, _, index = place.tensor.partition(":")
            node = self._nodes[place.scope].get(name)
            if node is None:
                todo += self._before_argument(place, name)
            elif self._called(node):
                # A call has one list of outputs, so the last field is the index.
                index = int(index.rpartition(":")[2] or 0)
                todo += self._before_call(place, node, index)
            else:
                yield place.scope, node
                if not stop(node):
                    todo += [
                        place._replace(tensor=tensor) for tensor in _string_inputs(node)
                    ]

    def inputs(self, scope, node):
        """The places that a node takes strings from.

        Args:
            scope: The name of its function, empty for the graph itself.
            node: The `NodeDef`.

        Returns:
            A list of `Place`.
        """
        return [Place(scope, tensor) for tensor in _string_inputs(node)]

    def _called(self, node):
        """The functions whose results are the node's outputs."""
        if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
            return [node.attr["f"].func.name]
        if node.op in _LOOPS:
            return [node.attr["body"].func.name]
        if node.op in ("If", "StatelessIf"):
            return [node.attr[key].func.name for key in ("then_branch", "else_branch")]
        if node.op in ("Case", "StatelessCase"):
            return [function.name for function in node.attr["branches"].list.func]
        return []

    def _before_call(self, place, node, index):
        calls = (*place.calls, (place.scope, node.name))
        for function in self._called(node):
            yield Place(function, self._result(function, index), calls)
        if node.op in _LOOPS:
            yield place._replace(tensor=node.input[index])

    def _before_argument(self, place, name):
        arguments = self._functions[place.scope].signature.input_arg
        index = [argument.name for argument in arguments].index(name)
        if place.calls:
            callers, outer = [place.calls[-1]], place.calls[:-1]
        else:
            callers, outer = self._callers[place.scope], ()
        for scope, caller in callers:
            node = self._nodes[scope][caller]
            # The first input of a branch selects it and is not handed on.
            first = 1 if node.op in _BRANCHES else 0
            yield Place(scope, node.input[first + index], outer)
            if node.op in _LOOPS:
                yield place._replace(tensor=self._result(place.scope, index))

    def _result(self, function, index):
        function = self._functions[function]
        return function.ret[function.signature.output_arg[index].name]


def _string_inputs(node):
    """The inputs of a node that are strings or lists of them."""
    definition = op_def_registry.get(node.op)
    if definition is None:
        return []
    defaults = {attr.name: attr.default_value for attr in definition.attr}

    def attribute(name):
        return node.attr[name] if name in node.attr else defaults[name]

    found, position = [], 0
    for argument in definition.input_arg:
        if argument.type_list_attr:
            types = attribute(argument.type_list_attr).list.type
        else:
            kind = argument.type or attribute(argument.type_attr).type
            number = argument.number_attr
            types = [kind] * (attribute(number).i if number else 1)
        tensors = node.input[position : position + len(types)]
        position += len(types)
        if (node.op, argument.name) not in _KEYS:
            found += [
                tensor
                for tensor, kind in zip(tensors, types, strict=True)
                if kind in _CARRIERS
            ]
    return found
