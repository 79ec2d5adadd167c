package io.tidemark.node.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Prints a script that completes commands and options in a shell. */
@Command(
    name = "completion",
    description = "Prints a script with which a shell completes commands and options.",
    footer = {
      "",
      "Examples:",
      "  tidemark completion bash",
      "  tidemark completion zsh",
      "",
      "In ~/.bashrc:  source <(tidemark completion bash)",
      "In ~/.zshrc:   source <(tidemark completion zsh)   # after compinit"
    })
final class CompletionCommand extends ToolCommand {
  @Parameters(paramLabel = "bash|zsh", description = "The shell.")
  private String shell;

  @Override
  int call(Context context) throws Failure {
    if (!shell.equals("bash") && !shell.equals("zsh")) {
      throw new Failure(
          Failure.USAGE, "There is no completion for '" + shell + "'. Use bash or zsh.", null);
    }
    // The script works in both; in zsh it loads what bash has built in.
    context.out().print(AutoComplete.bash("tidemark", CommandLineTool.everything()));
    context.out().flush();
    return 0;
  }
}
