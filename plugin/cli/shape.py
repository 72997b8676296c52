"""What a command is: its words and parameters here, its work in a module that is imported when the command runs.

Nothing here, nor in :mod:`plugin.cli.commands`, imports more than click, so that help is quick.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any

import click

_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
AS = "as_person"
"""The parameter of ``--as``, and where a command's context keeps it."""
_HELP = {"help_option_names": ["-h", "--help"]}


class _Explained(click.Command):
    """A command whose usage line names every option, in the words that scripts may look for."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write ``usage: muster …``."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="usage: ")

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The options, then the arguments."""
        options = [_usage(one, ctx) for one in self.get_params(ctx) if isinstance(one, click.Option)]
        return [*options, *(piece for one in self.get_params(ctx) for piece in one.get_usage_pieces(ctx))]


def _usage(option: click.Option, ctx: click.Context) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(ctx)}"
    return f"{option.opts[0]}{value}" if option.required else f"[{option.opts[0]}{value}]"


class Group(_Explained, click.Group):
    """Commands under one name, in the order in which they are given."""

    def __init__(self, name: str, words: str, commands: Iterable[click.Command], **more: Any) -> None:
        super().__init__(
            name, help=_sentence(words), short_help=words, context_settings=_HELP, no_args_is_help=False,
            commands={str(one.name): one for one in commands}, **more,
        )  # fmt: skip

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The options, then the place of the command."""
        return [*super().collect_usage_pieces(ctx), "COMMAND ..."]

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """As given, not by the alphabet."""
        return list(self.commands)


class Command(_Explained):
    """A command that imports its work when it runs.

    :ivar work: ``module:function``; called with the parameters by name, it returns the exit status.
    """

    def __init__(self, name: str, work: str, words: str, *params: click.Parameter, about: str = "") -> None:
        super().__init__(
            name, params=[*params, option("as", "PERSON", "with this person's rights instead of the shell's", to=AS)],
            help=about or _sentence(words), short_help=words, context_settings=_HELP,
        )  # fmt: skip
        self.work = work

    def load(self) -> Callable[..., int]:
        """Import the work."""
        module, _, function = self.work.partition(":")
        loaded: Callable[..., int] = getattr(importlib.import_module(module), function)
        return loaded

    def invoke(self, ctx: click.Context) -> int:
        """Do the work; as somebody, where ``--as`` names her (:func:`plugin.cli.context.check_acting_person`)."""
        given = dict(ctx.params)
        ctx.meta[AS] = given.pop(AS)
        if ctx.meta[AS] is not None:
            from plugin.cli.context import refuse_without_rule

            refuse_without_rule(ctx)
        return self.load()(**given)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments by the rules that :meth:`_sorted` keeps."""
        return super().parse_args(ctx, self._sorted(ctx, args))

    def _sorted(self, ctx: click.Context, args: list[str]) -> list[str]:
        """``--name=value`` for every option, then the arguments after ``--``.

        An option may be shortened as long as only one begins so. A value that looks like an option is none, except after
        ``=``: ``--reason --yes`` is a forgotten reason. Numbers below zero and words with spaces are arguments.
        """
        known = {name: one for one in self.get_params(ctx) if isinstance(one, click.Option) for name in one.opts}
        options: list[str] = []
        arguments: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                arguments.extend(rest)
                break
            name, equals, value = word.partition("=")
            name = self._whole(ctx, known, name)
            if name not in known:
                (options if _looks_like_an_option(word) else arguments).append(word)
                continue
            if not known[name].is_flag and not equals:
                value = next(rest, "--")
                descends = isinstance(known[name], SortOption) and not value.startswith("--")
                if _looks_like_an_option(value) and not descends:
                    raise click.UsageError(f"Option '{name}' requires an argument.", ctx)
                equals = "="
            options.append(f"{name}{equals}{value}")
        return [*options, "--", *arguments]

    @staticmethod
    def _whole(ctx: click.Context, known: dict[str, click.Option], name: str) -> str:
        """The option of this name, or the only one whose name begins so.

        :raises UsageError: when several do.
        """
        if name in known or not name.startswith("--") or name == "--":
            return name
        found = [one for one in known if one.startswith(name)]
        if len(found) > 1:
            raise click.UsageError(f"Option '{name}' could be {', '.join(sorted(found))}.", ctx)
        return found[0] if found else name


class SortOption(click.Option):
    """An option whose value may begin with one dash: the column to sort by, the greatest first."""


def _looks_like_an_option(word: str) -> bool:
    return word.startswith("-") and word != "-" and not _NUMBER.fullmatch(word) and " " not in word


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def argument(name: str, metavar: str, *, many: bool = False, **more: Any) -> click.Argument:
    """An argument by its place; ``many`` takes any number, also none."""
    shown = f"[{metavar} ...]" if many else metavar
    return click.Argument([name], metavar=shown, nargs=-1 if many else 1, required=not many, **more)


def chosen(name: str, choices: Iterable[str], metavar: str | None = None) -> click.Argument:
    """An argument that is one of a few words."""
    words = tuple(choices)
    return click.Argument([name], type=click.Choice(words), metavar=metavar or "{" + ",".join(words) + "}")


def option(name: str, metavar: str, words: str = "", *, to: str = "", **more: Any) -> click.Option:
    """An option with a value; ``to`` is the name of the parameter where it is not the option's own."""
    return click.Option([f"--{name}", *([to] if to else [])], metavar=metavar, help=words or None, **more)


def flag(name: str, words: str = "", *, to: str = "") -> click.Option:
    """An option without a value."""
    return click.Option([f"--{name}", *([to] if to else [])], is_flag=True, help=words or None)


HOST = option("host", "NAME", "the host; may be left out where exactly one exists")
JSON = flag("json", to="as_json")
