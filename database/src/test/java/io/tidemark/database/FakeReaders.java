package io.tidemark.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A program that has one database open, and what the kernel has cached for it: all of the file, as
 * it was when it was opened and as the applier said afterwards.
 */
final class FakeReaders implements ReaderAccess {
  private final Database database;
  private MainFile file;
  private byte[] cached = new byte[0];

  /** Whether a SELECT that is not finished holds SHARED. */
  boolean reading;

  boolean exclusive;
  int attempts;
  int stores;
  int removals;

  FakeReaders(Database database) {
    this.database = database;
  }

  void open() throws IOException {
    file = database.mainFile();
    database.opened(file);
    ByteBuffer all = ByteBuffer.allocate((int) file.size());
    database.read(file, all, 0);
    cached = all.array();
  }

  void close() {
    if (file != null) {
      database.released(file);
      file = null;
    }
  }

  boolean isOpen() {
    return file != null;
  }

  MainFile file() {
    return file;
  }

  /** What the program sees without asking the daemon. */
  byte[] cached() {
    return cached;
  }

  @Override
  public boolean tryExclusive(Database of) {
    assertThat(database.lock.isHeldByCurrentThread()).isFalse();
    attempts++;
    exclusive = !reading;
    return exclusive;
  }

  @Override
  public void releaseExclusive(Database of) {
    assertThat(exclusive).isTrue();
    exclusive = false;
  }

  @Override
  public void bytesChanged(Database of, MainFile of2, long offset, ByteBuffer bytes) {
    checkAllowed();
    stores++;
    if (of2 == file) {
      int end = (int) offset + bytes.remaining();
      if (end > cached.length) {
        cached = Arrays.copyOf(cached, end);
      }
      bytes.get(cached, (int) offset, bytes.remaining());
    }
  }

  @Override
  public void sizeChanged(Database of, MainFile of2) {
    checkAllowed();
    if (of2 == file) {
      cached = Arrays.copyOf(cached, (int) of2.size());
    }
  }

  @Override
  public void sideFilesRemoved(Database of) {
    checkAllowed();
    removals++;
  }

  /**
   * Either programs are kept out by their own locks, and the lock of the database is free; or none
   * is there.
   */
  private void checkAllowed() {
    boolean locked = database.lock.isHeldByCurrentThread();
    boolean opened = database.mainFile() != null && database.mainFile().handles > 0;
    assertThat(exclusive ? !locked : locked && !opened)
        .as("exclusive %s, lock held %s, opened %s", exclusive, locked, opened)
        .isTrue();
  }
}
