package io.tidemark.it;

import io.tidemark.it.WorkloadRecord.Side;
import io.tidemark.it.WorkloadRecord.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Compares a recorded workload with the log that the program wrote for it. Each method returns the
 * contradictions that it found, as sentences.
 */
final class TruthCheck {
  private TruthCheck() {}

  /**
   * Positions against expectations: a commit takes exactly one TXID, everything else none, and
   * nothing changes between two steps.
   */
  static List<String> positions(List<Step> steps, int side) {
    List<String> problems = new ArrayList<>();
    String digest = "";
    Position last = Position.NONE;
    for (Step step : steps) {
      Side now = step.sides().get(side);
      long taken = now.after().txid() - now.before().txid();
      boolean changed = !now.digest().equals(digest);
      if (!now.before().equals(last) && step.number() > 0) {
        problems.add(step.label() + " began at " + now.before() + " but " + last + " was the end");
      }
      if (taken == 0 && !now.after().equals(now.before())) {
        problems.add(step.label() + ": another checksum without a transaction: " + now);
      }
      boolean mayCommit = !step.expectation().equals("none") && step.outcome().equals("ok");
      if (!mayCommit && taken != 0) {
        problems.add(step.label() + " must not take a TXID, but took " + taken + ": " + now);
      }
      if (changed && taken == 0) {
        problems.add(step.label() + " changed the contents without a TXID: " + now);
      }
      if (step.expectation().equals("commit") && (taken < 0 || taken > 1)) {
        problems.add(step.label() + " is one transaction, but took " + taken + " TXIDs: " + now);
      }
      digest = now.digest();
      last = now.after();
    }
    return problems;
  }

  /** Steps that SQLite refused although nothing in the workload is meant to be refused so. */
  static List<String> outcomes(List<Step> steps) {
    List<String> problems = new ArrayList<>();
    for (Step step : steps) {
      boolean meant =
          step.outcome().equals("ok")
              || (step.kind().equals("constraint_failure")
                  && step.outcome().contains("UNIQUE constraint failed"));
      if (!meant) {
        problems.add(step.label() + " failed");
      }
    }
    return problems;
  }

  /**
   * The log against the record: at each TXID that the record names, the image folded from the log
   * has the position's checksum, is sound, and holds what the application saw; the last image is
   * the file in the mount, byte for byte.
   */
  static List<String> log(
      Path dataDir, String name, List<Step> steps, int side, Path finalFile, Path scratch)
      throws IOException {
    List<String> problems = new ArrayList<>();
    Map<Long, Step> wanted = new HashMap<>();
    for (Step step : steps) {
      wanted.put(step.sides().get(side).after().txid(), step);
    }
    Files.createDirectories(scratch);
    Path file = scratch.resolve(name + "-image");
    Image last;
    try (ImageChecker checker = new ImageChecker()) {
      last =
          LogFold.fold(
              dataDir,
              name,
              (entry, ltx, image) -> {
                Step step = wanted.remove(ltx.maxTxid);
                if (step == null) {
                  return;
                }
                Side noted = step.sides().get(side);
                if (!image.position().equals(noted.after())) {
                  problems.add(
                      step.label() + " noted " + noted.after() + ", the log " + image.position());
                }
                image.write(file);
                ImageChecker.Answer answer = checker.check(file);
                if (!answer.integrity().equals("ok")) {
                  problems.add(step.label() + ": integrity_check: " + answer.integrity());
                }
                if (!answer.digest().equals(noted.digest())) {
                  problems.add(
                      step.label() + ": the image of " + noted.after() + " has other contents");
                  image.write(scratch.resolve(name + "-image-at-" + ltx.maxTxid));
                }
              });
    }
    wanted.remove(0L);
    wanted.values().forEach(step -> problems.add(step.label() + ": its TXID is not in the log"));
    problems.addAll(difference(last, Image.read(finalFile)));
    if (!problems.isEmpty()) {
      last.write(scratch.resolve(name + "-image-at-the-end"));
      Files.write(scratch.resolve(name + "-problems.txt"), problems);
    }
    Files.deleteIfExists(file);
    return problems;
  }

  static List<String> difference(Image log, Image file) {
    List<String> problems = new ArrayList<>();
    if (log.pageSize() != file.pageSize() || log.pageCount() != file.pageCount()) {
      problems.add(
          String.format(
              "the log leads to %d pages of %d bytes, the file has %d of %d",
              log.pageCount(), log.pageSize(), file.pageCount(), file.pageSize()));
      return problems;
    }
    for (int page = 1; page <= log.pageCount(); page++) {
      int at = java.util.Arrays.mismatch(log.page(page), file.page(page));
      if (at >= 0) {
        problems.add("page " + page + " of the file differs from the log at byte " + at);
      }
    }
    return problems;
  }
}
