package io.tidemark.database;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * The disk under a data directory. A port, so that tests can make a single call fail or lose what
 * was never synced.
 */
public interface Disk {
  /** Opens for reading and writing, created if missing. */
  DiskFile open(Path path) throws IOException;

  /** Opens an existing file for reading only. */
  DiskFile openReadOnly(Path path) throws IOException;

  boolean exists(Path path);

  void createDirectories(Path directory) throws IOException;

  /** Atomically replaces {@code to}. Durable only after {@link #syncDirectory}. */
  void rename(Path from, Path to) throws IOException;

  /** Deletes a file or an empty directory; nothing happens if it is missing. */
  void delete(Path path) throws IOException;

  /** Names in a directory, sorted; empty if the directory is missing. */
  List<String> list(Path directory) throws IOException;

  /** Makes created, renamed and deleted names of a directory durable. */
  void syncDirectory(Path directory) throws IOException;

  /** A file with positional access. Calls may come from several threads at once. */
  interface DiskFile extends AutoCloseable {
    /**
     * Reads until {@code dst} is full or the file ends.
     *
     * @return bytes read, 0 at or after the end of the file
     */
    int read(ByteBuffer dst, long offset) throws IOException;

    /** Writes all of {@code src}. */
    void write(ByteBuffer src, long offset) throws IOException;

    /**
     * As {@link #write}, for much that is written once and not read soon: it goes past the page
     * cache if the disk can do that and the bytes are whole blocks of it. Then nothing piles up
     * that the next sync, also one of others, has to wait for.
     */
    default void writeMuch(ByteBuffer src, long offset) throws IOException {
      write(src, offset);
    }

    long size() throws IOException;

    /** Sets the size; growing fills with zeros. */
    void truncate(long size) throws IOException;

    /** fdatasync(2). After a failure the data must be taken as not on disk. */
    void sync() throws IOException;

    @Override
    void close() throws IOException;
  }
}
