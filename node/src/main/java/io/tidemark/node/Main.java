package io.tidemark.node;

import io.tidemark.node.cli.CommandLineTool;

/** The entry of the program. */
public final class Main {
  private Main() {}

  public static void main(String[] args) {
    int code = CommandLineTool.run(args, System.out, System.err);
    System.out.flush();
    System.err.flush();
    // Threads of libraries must not keep a finished command alive.
    System.exit(code);
  }
}
