package io.tidemark.it;

import io.tidemark.database.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.opentest4j.TestAbortedException;

/**
 * The directories and programs of one test; in a class with one instance for all of its tests
 * ({@code PER_CLASS}) of all of them: then only what was given to {@link #closing} ends with each
 * test.
 *
 * <p>Data, logs and scratch files live below {@code target/it}, named after the test, and stay
 * there if it fails. Mount points live in the system's temporary directory, so that no cleaning of
 * the build ever walks into a mount.
 */
final class Workbench
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
  private static final AtomicInteger COUNTER = new AtomicInteger();

  private final List<TidemarkProcess> processes = new ArrayList<>();
  private final List<AutoCloseable> others = new ArrayList<>();
  private final List<AutoCloseable> surroundings = new ArrayList<>();
  private final Thread lastResort = new Thread(this::stopAll, "clean up");
  private Path directory;
  private Path mounts;
  private boolean shared;
  private boolean anyFailed;

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    shared = true;
    open(context.getRequiredTestClass().getSimpleName());
  }

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    if (!shared) {
      open(
          context.getRequiredTestClass().getSimpleName()
              + "."
              + context.getRequiredTestMethod().getName());
    }
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    boolean skipped =
        context.getExecutionException().filter(TestAbortedException.class::isInstance).isPresent();
    boolean failed = context.getExecutionException().isPresent() && !skipped;
    if (shared) {
      anyFailed |= failed;
      AssertionError problem = stop(others);
      if (problem != null) {
        throw problem;
      }
    } else {
      close(failed);
    }
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    close(anyFailed);
  }

  /** Without JUnit: for the campaigns. */
  Workbench open(String name) throws IOException {
    directory = Settings.target().resolve(name + "-" + COUNTER.incrementAndGet());
    FileTree.delete(directory);
    Files.createDirectories(directory);
    mounts = Files.createTempDirectory("tidemark-it-");
    // The tests of other users' programs must get through to the mount.
    Files.setPosixFilePermissions(mounts, PosixFilePermissions.fromString("rwxr-xr-x"));
    Runtime.getRuntime().addShutdownHook(lastResort);
    return this;
  }

  void close(boolean failed) throws IOException {
    AssertionError problem = stopAll();
    Runtime.getRuntime().removeShutdownHook(lastResort);
    if (Settings.plain()) {
      if (failed) {
        Files.move(mounts, directory.resolve("plain"));
      } else {
        FileTree.delete(mounts);
      }
    } else {
      // Only the empty mount points: files below one were written while nothing was mounted.
      try (var points = Files.list(mounts)) {
        for (Path point : points.toList()) {
          try {
            deleteSideFilesAlone(point);
            Files.deleteIfExists(point);
          } catch (IOException e) {
            problem = new AssertionError("Something was written below the mount " + point, e);
            Files.move(point, directory.resolve("below-" + point.getFileName()));
          }
        }
      }
      Files.deleteIfExists(mounts);
    }
    if (failed || problem != null) {
      System.err.println("Evidence of the failed test: " + directory);
    } else {
      FileTree.delete(directory);
    }
    if (problem != null) {
      throw problem;
    }
  }

  /**
   * A program that had opened a database when the mount went away may then have made the files
   * beside it in the directory below; no database, nothing was written to.
   */
  private static void deleteSideFilesAlone(Path point) throws IOException {
    for (String suffix : List.of("-shm", "-wal")) {
      try (var files = Files.newDirectoryStream(point, "*" + suffix)) {
        for (Path file : files) {
          String name = file.getFileName().toString();
          String database = name.substring(0, name.length() - suffix.length());
          if (Files.notExists(point.resolve(database))) {
            System.err.println("Made when the mount was gone: " + file);
            Files.delete(file);
          }
        }
      }
    }
  }

  private AssertionError stopAll() {
    List<AutoCloseable> all = new ArrayList<>(others);
    all.addAll(processes);
    all.addAll(surroundings);
    others.clear();
    processes.clear();
    surroundings.clear();
    return stop(all);
  }

  private static AssertionError stop(List<AutoCloseable> all) {
    AssertionError problem = null;
    for (AutoCloseable one : all) {
      try {
        one.close();
      } catch (Exception | AssertionError e) {
        if (problem == null) {
          problem = new AssertionError("Could not clean up");
        }
        problem.addSuppressed(e);
      }
    }
    all.clear();
    return problem;
  }

  /** A program that is not started yet; stopped at the end of the test. */
  TidemarkProcess tidemark(String name) {
    return tidemark(name, directory.resolve(name + "-data"));
  }

  TidemarkProcess tidemark(String name, Path data) {
    TidemarkProcess process =
        new TidemarkProcess(name, mounts.resolve(name), data, directory.resolve("logs"));
    processes.add(process);
    return process;
  }

  /** Something else to be closed at the end of the test, before the programs. */
  <T extends AutoCloseable> T closing(T resource) {
    others.add(0, resource);
    return resource;
  }

  /** What the programs need as long as they run; closed after them. */
  <T extends AutoCloseable> T closingLast(T resource) {
    surroundings.add(0, resource);
    return resource;
  }

  /** A path for a scratch file, on the build's own disk. */
  Path scratch(String name) {
    return directory.resolve(name);
  }

  Path scratchDirectory(String name) {
    try {
      return Files.createDirectories(directory.resolve(name));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
