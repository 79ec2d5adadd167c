package io.tidemark.it;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What the system does wrong to one program, from its start on and while it runs: slow or pretended
 * syncs, and a wall clock that jumps. A library ({@code faulty_system.c}) that is loaded into the
 * program takes the place of the calls; the kernel can do none of this for one program.
 */
final class FaultySystem {
  private static final String LIBRARY = "LD_PRELOAD";
  private static final String FAULTS = "TIDEMARK_IT_FAULTS";
  private static final int FIELD = Long.BYTES;
  private static final int SYNC_MILLIS = 0;
  private static final int SYNC_NOTHING = 1;
  private static final int WALL_SECONDS = 2;
  private static final int FIELDS = 3;

  private static Path library;

  private final Path file;

  /**
   * Nothing is wrong yet.
   *
   * @param file by which the program is told
   */
  FaultySystem(Path file) throws IOException {
    this.file = file;
    Files.write(file, new byte[FIELDS * FIELD]);
  }

  /** For the next starts of a program. */
  void of(TidemarkProcess program) {
    program.environment(LIBRARY, library().toString());
    program.environment(FAULTS, file.toString());
  }

  /** The words of a command that runs with these faults. */
  Object[] with(Object... command) {
    List<Object> words = new ArrayList<>();
    words.addAll(List.of("env", LIBRARY + "=" + library(), FAULTS + "=" + file));
    words.addAll(List.of(command));
    return words.toArray();
  }

  private static synchronized Path library() {
    if (library == null) {
      Path made =
          Settings.target().resolve("faulty-system-" + ProcessHandle.current().pid() + ".so");
      Path source = Settings.script("faulty_system.c");
      Command.of("cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", made, source, "-ldl").ok();
      Path known = made.resolveSibling("faulty-system.so");
      try {
        Files.move(made, known, StandardCopyOption.ATOMIC_MOVE); // programs keep the one they have
      } catch (IOException e) {
        throw new AssertionError(e);
      }
      library = known;
    }
    return library;
  }

  /** Each sync takes that much longer. */
  void syncsTake(Duration time) throws IOException {
    set(SYNC_MILLIS, time.toMillis());
  }

  /** A sync does nothing and says that it has done it. */
  void syncsDoNothing(boolean value) throws IOException {
    set(SYNC_NOTHING, value ? 1 : 0);
  }

  /** The wall clock is ahead of the right one, or behind; no other clock is. */
  void wallClockIsAhead(Duration by) throws IOException {
    set(WALL_SECONDS, by.toSeconds());
  }

  private void set(int field, long value) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(FIELD).order(ByteOrder.nativeOrder());
    bytes.putLong(0, value);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(bytes, (long) field * FIELD);
    }
  }
}
