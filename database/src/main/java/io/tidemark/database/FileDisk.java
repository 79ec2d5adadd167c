package io.tidemark.database;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The real disk, through {@link FileChannel}. Threads that come here must never be interrupted: an
 * interrupt closes the channel under all its users.
 */
public final class FileDisk implements Disk {
  @Override
  public DiskFile open(Path path) throws IOException {
    return new ChannelFile(
        path,
        FileChannel.open(
            path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE));
  }

  @Override
  public DiskFile openReadOnly(Path path) throws IOException {
    return new ChannelFile(path, FileChannel.open(path, StandardOpenOption.READ));
  }

  @Override
  public boolean exists(Path path) {
    return Files.exists(path);
  }

  @Override
  public void createDirectories(Path directory) throws IOException {
    Files.createDirectories(directory);
  }

  @Override
  public void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  @Override
  public void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }

  @Override
  public List<String> list(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    List<String> names = new ArrayList<>();
    try (var stream = Files.newDirectoryStream(directory)) {
      for (Path entry : stream) {
        names.add(entry.getFileName().toString());
      }
    }
    Collections.sort(names);
    return names;
  }

  @Override
  public void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static final class ChannelFile implements DiskFile {
    private final Path path;
    private final FileChannel channel;

    /** For {@link #writeMuch}; null until then, or when the file system has no such thing. */
    private FileChannel direct;

    private long block;

    ChannelFile(Path path, FileChannel channel) {
      this.path = path;
      this.channel = channel;
    }

    @Override
    public int read(ByteBuffer dst, long offset) throws IOException {
      int total = 0;
      while (dst.hasRemaining()) {
        int n = channel.read(dst, offset + total);
        if (n <= 0) {
          break;
        }
        total += n;
      }
      return total;
    }

    @Override
    public void write(ByteBuffer src, long offset) throws IOException {
      long position = offset;
      while (src.hasRemaining()) {
        position += channel.write(src, position);
      }
    }

    @Override
    public void writeMuch(ByteBuffer src, long offset) throws IOException {
      if (block == 0) {
        openDirect();
      }
      boolean whole =
          direct != null
              && src.isDirect()
              && src.alignmentOffset(src.position(), (int) block) == 0
              && src.remaining() % block == 0
              && offset % block == 0;
      int start = src.position();
      try {
        while (whole && src.hasRemaining()) {
          direct.write(src, offset + src.position() - start);
        }
      } catch (IOException e) {
        // What this file system does not take that way it takes in the usual one, or says why not.
        direct.close();
        direct = null;
      }
      write(src, offset + src.position() - start);
    }

    /** The name may stand for nothing any more; then there is only the usual way. */
    private void openDirect() {
      block = 1;
      try {
        long size = Files.getFileStore(path).getBlockSize();
        direct = FileChannel.open(path, StandardOpenOption.WRITE, ExtendedOpenOption.DIRECT);
        block = size;
      } catch (IOException | UnsupportedOperationException e) {
        direct = null;
      }
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public void truncate(long size) throws IOException {
      long current = channel.size();
      if (size < current) {
        channel.truncate(size);
      } else if (size > current) {
        channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
      }
    }

    @Override
    public void sync() throws IOException {
      channel.force(false);
    }

    @Override
    public void close() throws IOException {
      if (direct != null) {
        direct.close();
      }
      channel.close();
    }
  }
}
