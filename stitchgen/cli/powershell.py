"""Completion in PowerShell, which click does not bring: the script to load, and how it asks."""

from __future__ import annotations

import os

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

#: How the words of the command line are passed, a line each, and the one that is being typed.
WORDS, WORD = "STITCHGEN_WORDS", "STITCHGEN_WORD"
SOURCE = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($word, $command, $position)
    $env:%(complete_var)s = "powershell_complete"
    $env:STITCHGEN_WORDS = ($command.CommandElements | ForEach-Object { $_.ToString() }) -join "`n"
    $env:STITCHGEN_WORD = $word
    try {
        %(prog_name)s | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
        }
    } finally {
        Remove-Item Env:%(complete_var)s, Env:STITCHGEN_WORDS, Env:STITCHGEN_WORD -ErrorAction Ignore
    }
}
"""


class PowerShellComplete(ShellComplete):
    name = "powershell"
    source_template = SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        words = os.environ.get(WORDS, "").splitlines()[1:]
        incomplete = os.environ.get(WORD, "")
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return [word.strip("'\"") for word in words], incomplete.strip("'\"")

    def format_completion(self, item: CompletionItem) -> str:
        value: str = item.value
        return value


def register() -> None:
    """Let click know of it."""
    add_completion_class(PowerShellComplete)
