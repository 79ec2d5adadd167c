package io.tidemark.node.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What the program says of itself. */
class HelpTest {
  @TempDir Path dir;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... words) {
    out.reset();
    err.reset();
    return CommandLineTool.run(words, new PrintStream(out, true), new PrintStream(err, true));
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Every command that does something, as the words that call it. */
  static Stream<String> commands() {
    List<String> names = new ArrayList<>();
    CommandLineTool.everything()
        .getSubcommands()
        .forEach(
            (name, line) -> {
              if (line.getSubcommands().isEmpty()) {
                names.add(name);
              }
              line.getSubcommands().keySet().forEach(sub -> names.add(name + " " + sub));
            });
    names.removeAll(List.of("help", "version"));
    return names.stream();
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandShowsExamplesThatItUnderstands(String command) {
    assertThat(run((command + " --help").split(" "))).isZero();
    List<String> examples =
        out().lines().filter(line -> line.startsWith("  tidemark ")).map(String::trim).toList();
    assertThat(out()).contains("Examples:");
    assertThat(examples).isNotEmpty().allMatch(line -> line.startsWith("tidemark " + command));
    for (String example : examples) {
      String[] words = example.substring("tidemark ".length()).split(" ");
      CommandLine tool = CommandLineTool.everything();
      Set<String> options = new HashSet<>();
      Arguments arguments = Arguments.of(words, options);
      tool.parseArgs(arguments.options().toArray(String[]::new));
    }
  }

  @Test
  void theOverviewNamesEveryCommand() {
    assertThat(run("help")).isZero();
    assertThat(commands().map(name -> name.split(" ")[0])).allMatch(out()::contains);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void completionIsAScriptForTheShell(String shell) throws Exception {
    assertThat(run("completion", shell)).isZero();
    assertThat(out()).contains("_complete_tidemark").contains("bashcompinit").contains("export");
    Path script = Files.writeString(dir.resolve("script"), out());
    if (shell.equals("bash")) {
      assertThat(complete(script, "tidemark ex")).containsExactly("export");
      assertThat(complete(script, "tidemark export --na")).containsExactly("--name");
      assertThat(complete(script, "tidemark ltx ver")).containsExactly("verify");
      assertThat(complete(script, "tidemark mount --fuse.d")).isEmpty(); // hidden
    }
  }

  /** What bash offers after the words. */
  private List<String> complete(Path script, String line) throws Exception {
    String[] words = line.split(" ");
    String ask =
        "source '%s'; COMP_WORDS=(%s); COMP_CWORD=%d; _complete_tidemark;"
                .formatted(script, String.join(" ", words), words.length - 1)
            + " printf '%s\\n' \"${COMPREPLY[@]}\"";
    Process bash = new ProcessBuilder("bash", "-c", ask).start();
    String answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(bash.waitFor(10, TimeUnit.SECONDS)).isTrue();
    return Arrays.stream(answer.split("\n")).map(String::trim).filter(w -> !w.isEmpty()).toList();
  }

  @Test
  void anotherShellIsRefused() {
    assertThat(run("completion", "fish")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("'fish'").contains("bash or zsh");
  }
}
