package io.tidemark.it;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The words that start the program, much as its script does it. The classes come from an archive
 * that is made once for each build: these tests start hundreds of processes, and starting is most
 * of what many of them take.
 */
final class Launcher {
  private static List<String> archive;

  private Launcher() {}

  /**
   * A node; {@code mount} follows.
   *
   * @param optimised whether what runs often is compiled twice, as it is for users. A node that
   *     lives some seconds spends a third of its time on that and has nothing of it.
   */
  static List<String> node(boolean optimised) {
    return optimised ? words("-XX:+UseSerialGC", "-XX:-UsePerfData") : tool();
  }

  /** A command that ends soon; a subcommand follows. */
  static List<String> tool() {
    return words("-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1");
  }

  private static List<String> words(String... options) {
    List<String> words = new ArrayList<>();
    words.add(Settings.java().toString());
    words.add("-ea");
    words.addAll(List.of(options));
    words.addAll(archive());
    words.addAll(List.of("-jar", Settings.jar().toString()));
    return words;
  }

  /** Options that use the archive; none if there can be no archive. */
  private static synchronized List<String> archive() {
    if (archive == null) {
      archive = List.of(); // for the run that makes it
      try {
        Path jar = Settings.jar();
        String key = Settings.java() + " " + jar + " " + Files.getLastModifiedTime(jar);
        Path file = Settings.target().resolve("classes-" + Integer.toHexString(key.hashCode()));
        if (Files.exists(file) || make(file)) {
          archive = List.of("-XX:SharedArchiveFile=" + file, "-Xlog:cds=off");
        }
      } catch (IOException e) {
        System.err.println("Programs start without a class archive: " + e);
      }
    }
    return archive;
  }

  /** By a node that starts and stops; where nothing can be mounted the first part has to do. */
  private static boolean make(Path file) throws IOException {
    Path fresh = Path.of(file + "." + ProcessHandle.current().pid());
    List<Object> words = new ArrayList<>(words("-XX:+UseSerialGC", "-XX:-UsePerfData"));
    words.add(1, "-XX:ArchiveClassesAtExit=" + fresh);
    words.addAll(List.of("mount", "--config", "/dev/null"));
    Path directory = Files.createTempDirectory("tidemark-it-classes-");
    try {
      words.addAll(List.of("--data-dir", directory.resolve("data")));
      words.addAll(List.of("--fuse-dir", directory.resolve("mount")));
      words.addAll(List.of("--http-addr", "127.0.0.1:0", "--", "true"));
      Command.of(words.toArray()).within(Duration.ofMinutes(2)).run();
    } finally {
      Mounts.clear(directory.resolve("mount"));
      FileTree.delete(directory);
    }
    if (Files.exists(fresh)) {
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return Files.exists(file);
  }
}
