package io.tidemark.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the driver of the random workload noted down, step by step. */
final class WorkloadRecord {
  /**
   * One database around one step.
   *
   * @param digest of the contents after the step, empty if there is no such file
   */
  record Side(Position before, Position after, String digest) {}

  /**
   * One step.
   *
   * @param expectation "commit", "none" or "any"
   * @param outcome "ok" or SQLite's error
   */
  record Step(int number, String kind, String expectation, String outcome, List<Side> sides) {
    String label() {
      return "step " + number + " (" + kind + ", " + outcome + ")";
    }
  }

  private WorkloadRecord() {}

  static List<Step> read(Path file) throws IOException {
    List<String> lines = Files.readAllLines(file);
    if (lines.isEmpty() || !lines.get(lines.size() - 1).equals("done")) {
      throw new IOException("the workload did not end properly: " + file);
    }
    List<Step> steps = new ArrayList<>();
    for (String line : lines.subList(0, lines.size() - 1)) {
      String[] f = line.split("\t", -1);
      List<Side> sides = new ArrayList<>();
      for (int i = 4; i < f.length; i += 3) {
        sides.add(new Side(position(f[i]), position(f[i + 1]), f[i + 2]));
      }
      steps.add(new Step(Integer.parseInt(f[0]), f[1], f[2], f[3], sides));
    }
    return steps;
  }

  private static Position position(String text) {
    return text.equals("-") ? Position.NONE : Position.parse(text);
  }
}
