package io.tidemark.node.config;

import io.tidemark.node.config.ConfigValues.Item;
import io.tidemark.node.config.ConfigValues.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads {@code exec}, {@code on-primary} and {@code on-replica}: one command line, or a list of
 * command lines or {cmd, if-candidate} maps.
 */
final class ExecReader {
  private final String key;

  private ExecReader(String key) {
    this.key = key;
  }

  static List<ExecStep> read(ConfigValues values, String key) throws ConfigException {
    return new ExecReader(key).read(values.get(key));
  }

  private List<ExecStep> read(Value exec) throws ConfigException {
    if (exec == null) {
      return List.of();
    }
    if (exec.items() == null) {
      return exec.text().isBlank() ? List.of() : List.of(step(exec.place(), exec.text(), false));
    }
    List<ExecStep> steps = new ArrayList<>();
    for (Item item : exec.items()) {
      steps.add(item.fields() == null ? step(item.place(), item.text(), false) : mapped(item));
    }
    return steps;
  }

  private ExecStep mapped(Item item) throws ConfigException {
    String command = null;
    boolean ifCandidate = false;
    for (Map.Entry<String, Value> field : item.fields().entrySet()) {
      Value value = field.getValue();
      switch (field.getKey()) {
        case "cmd" -> command = value.text();
        case "if-candidate" -> ifCandidate = bool(value);
        default ->
            throw new ConfigException(
                value.place()
                    + ": unknown key "
                    + key
                    + "."
                    + field.getKey()
                    + ". Did you mean "
                    + key
                    + "."
                    + NearestKey.of(field.getKey(), List.of("cmd", "if-candidate"))
                    + "?");
      }
    }
    if (command == null) {
      throw new ConfigException(item.place() + ": this step of " + key + " has no cmd.");
    }
    return step(item.place(), command, ifCandidate);
  }

  private static boolean bool(Value value) throws ConfigException {
    try {
      return ConfigValues.parseBoolean(value.text());
    } catch (IllegalArgumentException e) {
      throw new ConfigException(value.place() + ": if-candidate must be " + e.getMessage() + ".");
    }
  }

  private ExecStep step(String place, String line, boolean ifCandidate) throws ConfigException {
    try {
      List<String> words = ShellWords.split(line);
      if (words.isEmpty()) {
        throw new ConfigException(place + ": a command of " + key + " is empty.");
      }
      return new ExecStep(words, ifCandidate);
    } catch (IllegalArgumentException e) {
      throw new ConfigException(
          place + ": " + key + " must be " + e.getMessage() + ", not '" + line + "'.");
    }
  }
}
