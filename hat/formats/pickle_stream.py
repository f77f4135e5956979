"""Plain values out of a pickle, without running anything: for published tables of results.

A pickle is a program for a stack machine. This is such a machine without the part that calls: it
builds numbers, texts, lists, tuples, sets and dictionaries, and of names only those of
``pickle_names``. Nothing is imported, looked up or called; any other name is an error.

The published tables hold thousands of architectures with every epoch of every training, far more
than fits in memory as Python objects. So the machine hands over the entries of one dictionary as
soon as each is complete, and forgets them. What it must remember are references to earlier values;
of an entry that was handed over it keeps only the texts that may be shared with later ones.

Source: the comments of Python's ``Lib/pickletools.py``, which define every opcode.
"""

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, ClassVar

from hat.errors import DataError
from hat.formats.pickle_names import LONGEST_NUMBER, SHARED, UNREAD, Name, NumberType, built

_BLOCK_BYTES = 1 << 20
_AHEAD = 1 << 16
"""Bytes that are looked at together for a run of numbers."""

_LONGEST_TEXT = 1 << 20
_MOST_ACTS = 3_000_000
"""Of one entry, which may have tens of thousands; a packed file of a kilobyte can hold billions."""

_KEY = rb"K.|M..|J.{4}|h.|j.{4}|" + b"|".join(
    re.escape(start + bytes([length])) + end + b".{%d}" % length
    for start, end in ((b"X", rb"\x00\x00\x00"), (b"\x8c", b""))
    for length in range(1, 25)
)
_PUT = rb"q.|r.{4}|\x94"
_PAIR = re.compile(rb"(%b)(%b)?G(.{8})" % (_KEY, _PUT), re.DOTALL)
_RUN = re.compile(rb"(?:(?:%b)(?:%b)?G.{8})+" % (_KEY, _PUT), re.DOTALL)
"""A key, perhaps the order to remember it, and a floating point number; again and again."""

Kept = Callable[[str], bool]


class _Handed:
    """Takes the place of an entry that was handed over."""


_HANDED = _Handed()


class PickleStream:
    """Reads pickles of protocol 2 to 5 that follow each other in a stream."""

    def __init__(self, stream: BinaryIO, where: str, *, kept: Kept = lambda text: True) -> None:
        """Args:

        stream: bytes from the start of a pickle.
        where: names the file in error messages.
        kept: which texts of an entry that was handed over may be referred to by later entries.
        """
        self._stream = stream
        self._where = where
        self._kept = kept
        self._buffer = b""
        self._at = 0
        self._before = 0
        self._texts: dict[str, str] = {}
        self._keys: dict[bytes, Any] = {}

    @property
    def offset(self) -> int:
        """Bytes that were read."""
        return self._before + self._at

    def load(self) -> Any:
        """Returns the next value.

        Raises:
            DataError: if the file is damaged or holds more than plain values; with the byte.
        """
        for _ in self.entries(None):
            raise AssertionError
        return self.value

    def entries(self, key: str | None) -> Iterator[tuple[Any, Any]]:
        """Yields the entries of the dictionary under ``key`` of the dictionary that comes next.

        Afterwards ``value`` is that outer dictionary without these entries.

        Raises:
            DataError: as ``load`` does.
        """
        start = self.offset
        try:
            yield from self._run(key)
        except (IndexError, KeyError, TypeError, ValueError, RecursionError, struct.error) as error:
            raise DataError(
                f"{self._where}: byte {start}: is damaged or no pickle of plain values "
                f"(at byte {self.offset}: {type(error).__name__} {error!s:.80})"
            ) from None

    def _run(self, watched: str | None) -> Iterator[tuple[Any, Any]]:
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._lasting: dict[int, Any] = {}
        self._num_memos = 0
        self._last_text = -1
        num_acts = 0
        while True:
            code = self._take(1)
            if code == b".":
                break
            num_acts += 1
            if num_acts > _MOST_ACTS or len(self._stack) > _MOST_ACTS:
                raise ValueError(f"one entry of more than {_MOST_ACTS:,} values")
            act = self._ACTIONS.get(code)
            if act is None:
                raise ValueError(f"the opcode {code!r} is none of plain values")
            act(self)
            if watched is not None and code in b"us" and self._entry_of(watched):
                yield self._stack[-2], self._stack[-1]
                self._stack[-1] = _HANDED
                self._forget()
                num_acts = 0
        (self.value,) = self._stack
        if watched is not None and isinstance(self.value, dict):
            rest = self.value.get(watched)
            if isinstance(rest, dict):
                yield from ((key, v) for key, v in rest.items() if v is not _HANDED)
                self.value[watched] = {}

    def _entry_of(self, watched: str) -> bool:
        """Whether the stack ends with a complete entry of the watched dictionary."""
        marks = self._marks
        return (
            len(marks) == 2
            and len(self._stack) >= 2
            and len(self._stack) % 2 == 0
            and len(marks[1]) >= 2
            and isinstance(marks[1][-2], str)
            and marks[1][-2] == watched
        )

    def _forget(self) -> None:
        for index, value in self._memo.items():
            if self._kept(value) if isinstance(value, str) else isinstance(value, SHARED):
                self._lasting[index] = value
        self._memo.clear()

    # Bytes

    def _fill(self, count: int) -> bool:
        """Makes the next ``count`` bytes stand in the buffer, as far as there are any."""
        if len(self._buffer) - self._at >= count:
            return True
        parts = [self._buffer[self._at :]]
        size = len(parts[0])
        while size < count:
            block = self._stream.read(_BLOCK_BYTES)
            if not block:
                break
            parts.append(block)
            size += len(block)
        self._before += self._at
        self._buffer, self._at = b"".join(parts), 0
        return size >= count

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._buffer):
            if not self._fill(count):
                raise ValueError("the file ends in the middle of a value")
            end = self._at + count
        data = self._buffer[self._at : end]
        self._at = end
        return data

    def _int(self, count: int) -> int:
        return int.from_bytes(self._take(count), "little")

    def _line(self) -> str:
        data = b""
        while not data.endswith(b"\n"):
            data += self._take(1)
            if len(data) > 256:
                raise ValueError("a name is longer than any")
        return data[:-1].decode()

    # Opcodes

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _text(self, count: int) -> None:
        if count > _LONGEST_TEXT:
            raise ValueError(f"a text of {count} bytes")
        text = self._take(count).decode("utf-8", "surrogatepass")
        self._push(self._texts.setdefault(text, text) if count < 64 else text)

    def _bytes(self, count: int) -> None:
        """Only the few bytes of a number are looked at; weights are skipped."""
        if count <= LONGEST_NUMBER:
            self._push(self._take(count))
            return
        while count:
            part = min(count, _BLOCK_BYTES)
            self._take(part)
            count -= part
        self._push(UNREAD)

    def _long(self) -> None:
        count = self._int(1)
        if count > LONGEST_NUMBER:
            raise ValueError(f"an integer of {count} bytes")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _get(self, index: int) -> Any:
        try:
            return self._memo[index] if index in self._memo else self._lasting[index]
        except KeyError:
            raise ValueError(f"refers to value {index}, which is not there any more") from None

    def _put(self, index: int) -> None:
        value = self._stack[-1]
        self._memo[index] = value
        self._num_memos += 1
        if isinstance(value, str):
            self._last_text = index

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []
        self._numbers()

    def _numbers(self) -> None:
        """Pushes a run of keys and floating point numbers at once: nine tenths of such files."""
        self._fill(_AHEAD)
        run = _RUN.match(self._buffer, self._at)
        if run is None:
            return
        stack, memo, known = self._stack, self._memo, self._keys
        for raw, put, number in _PAIR.findall(self._buffer, *run.span()):
            key = known.get(raw)
            if key is None:
                key = self._key(raw)
            if put:
                memo[self._num_memos if put == b"\x94" else int.from_bytes(put[1:], "little")] = key
                self._num_memos += 1
            stack.append(key)
            stack.append(struct.unpack(">d", number)[0])
        self._at = run.end()

    def _key(self, raw: bytes) -> Any:
        kind, rest = raw[:1], raw[1:]
        if kind in b"hj":
            return self._get(int.from_bytes(rest, "little"))
        key: Any
        if kind in b"X\x8c":
            text = rest[4:] if kind == b"X" else rest[1:]
            key = text.decode("utf-8", "surrogatepass")
            key = self._texts.setdefault(key, key)
        else:
            key = int.from_bytes(rest, "little", signed=kind == b"J")
        self._keys[raw] = key
        return key

    def _popped_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _frame(self) -> None:
        self._take(8)
        self._numbers()

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict):
            raise TypeError("entries of what is no dictionary")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise TypeError("items of what is no list")
        target.extend(items)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_items([key, value])

    def _append(self) -> None:
        value = self._stack.pop()
        self._extend([value])

    def _add_items(self) -> None:
        items = self._popped_mark()
        if not isinstance(self._stack[-1], set):
            raise TypeError("members of what is no set")
        self._stack[-1].update(items)

    def _tuple(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError("an empty stack")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._push(items)

    def _name(self, module: Any, name: Any) -> None:
        if not Name.is_allowed(path := f"{module}.{name}"):
            raise DataError(
                f"{self._where}: byte {self.offset}: refused, because it holds {path[:80]!r}, "
                "which no table of results needs"
            )
        self._push(Name(path))

    def _stack_name(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name(module, name)

    def _build(self) -> None:
        """What ``REDUCE`` calls a function for: done by hand for the few names allowed."""
        arguments, name = self._stack.pop(), self._stack.pop()
        text = arguments[0] if isinstance(arguments, tuple) and len(arguments) == 2 else None
        if isinstance(text, str) and self._memo.get(self._last_text) is text:
            del self._memo[self._last_text]  # the bytes of one number, which nobody shares
        self._push(built(name, arguments))

    def _state(self) -> None:
        """The state of an object: a dtype's byte order; all other is of arrays and weights."""
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, NumberType):
            order = state[1]
            target.order = order if order in ("<", ">") else "<"
        elif not (target is UNREAD or isinstance(target, dict)):
            raise TypeError("a state of what has none")

    def _persistent(self) -> None:
        """A reference to weights beside the pickle."""
        self._stack.pop()
        self._push(UNREAD)

    _ACTIONS: ClassVar[dict[bytes, Callable[["PickleStream"], object]]] = {
        b"\x80": lambda self: self._take(1),
        b"\x95": _frame,
        b"(": _mark,
        b"N": lambda self: self._push(None),
        b"\x88": lambda self: self._push(True),
        b"\x89": lambda self: self._push(False),
        b"K": lambda self: self._push(self._int(1)),
        b"M": lambda self: self._push(self._int(2)),
        b"J": lambda self: self._push(int.from_bytes(self._take(4), "little", signed=True)),
        b"\x8a": _long,
        b"G": lambda self: self._push(struct.unpack(">d", self._take(8))[0]),
        b"\x8c": lambda self: self._text(self._int(1)),
        b"X": lambda self: self._text(self._int(4)),
        b"C": lambda self: self._bytes(self._int(1)),
        b"B": lambda self: self._bytes(self._int(4)),
        b"\x8e": lambda self: self._bytes(self._int(8)),
        b"\x96": lambda self: self._bytes(self._int(8)),
        b")": lambda self: self._push(()),
        b"\x85": lambda self: self._tuple(1),
        b"\x86": lambda self: self._tuple(2),
        b"\x87": lambda self: self._tuple(3),
        b"t": lambda self: self._push_tuple(),
        b"]": lambda self: self._push([]),
        b"a": _append,
        b"e": lambda self: self._extend(self._popped_mark()),
        b"}": lambda self: self._push({}),
        b"s": _set_item,
        b"u": lambda self: self._set_items(self._popped_mark()),
        b"\x8f": lambda self: self._push(set()),
        b"\x90": _add_items,
        b"h": lambda self: self._push(self._get(self._int(1))),
        b"j": lambda self: self._push(self._get(self._int(4))),
        b"q": lambda self: self._put(self._int(1)),
        b"r": lambda self: self._put(self._int(4)),
        b"\x94": lambda self: self._put(self._num_memos),
        b"c": lambda self: self._name(self._line(), self._line()),
        b"\x93": _stack_name,
        b"R": _build,
        b"b": _state,
        b"Q": _persistent,
    }
    """Opcode -> what it does. Those that call, import or make instances are not among them."""

    def _push_tuple(self) -> None:
        items = self._popped_mark()
        self._push(tuple(items))
