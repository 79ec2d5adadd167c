package io.tidemark.node.ltx;

import io.tidemark.ltx.LtxCompactor;
import io.tidemark.ltx.LtxHeader;
import io.tidemark.ltx.LtxSource;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a history as standard .ltx files, each complete under its name or not there. Merging goes
 * in rounds, so that the number of open files stays bounded.
 */
public final class LtxExport {
  private static final int MERGE = 64;

  private final Path directory;
  private int temporaries;

  /** Exports into a directory, which is created if missing. */
  public LtxExport(Path directory) throws IOException {
    this.directory = Files.createDirectories(directory);
  }

  /**
   * Writes the files of the range.
   *
   * @param compact merge them into one file
   * @return what was written, in order
   */
  public List<Path> export(LtxInput input, TxidRange range, boolean compact) throws IOException {
    List<Path> written = new ArrayList<>();
    try {
      for (LtxEntry entry = input.next(); entry != null; entry = input.next()) {
        if (range.contains(entry.header())) {
          Path file = copy(entry);
          written.add(compact ? file : publish(file, entry.header()));
        }
        if (range.endsWith(entry.header())) {
          break; // What follows may be damaged, and is not wanted.
        }
      }
      if (compact && !written.isEmpty()) {
        Path merged = merge(written);
        written.clear();
        written.add(publish(merged, header(merged)));
      }
      syncDirectory();
      return written;
    } finally {
      for (int i = 1; i <= temporaries; i++) {
        Files.deleteIfExists(temporary(i));
      }
    }
  }

  private Path copy(LtxEntry entry) throws IOException {
    Path file = temporary(++temporaries);
    try (InputStream in = entry.opener().open();
        OutputStream out = Files.newOutputStream(file)) {
      in.transferTo(out);
    }
    return file;
  }

  private Path merge(List<Path> files) throws IOException {
    List<Path> round = List.copyOf(files);
    while (round.size() > 1) {
      List<Path> next = new ArrayList<>();
      for (int i = 0; i < round.size(); i += MERGE) {
        next.add(mergeSome(round.subList(i, Math.min(i + MERGE, round.size()))));
      }
      round = next;
    }
    return round.get(0);
  }

  private Path mergeSome(List<Path> files) throws IOException {
    List<InputStream> opened = new ArrayList<>();
    Path target = temporary(++temporaries);
    try (FileChannel out =
        FileChannel.open(target, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      List<LtxSource> sources = new ArrayList<>();
      for (Path file : files) {
        InputStream in = new BufferedInputStream(Files.newInputStream(file), 64 << 10);
        opened.add(in);
        sources.add(LtxSource.of(in));
      }
      LtxCompactor.compact(
          sources,
          bytes -> {
            while (bytes.hasRemaining()) {
              out.write(bytes);
            }
          },
          LtxHeader.FLAG_LZ4);
    } finally {
      for (InputStream in : opened) {
        in.close();
      }
    }
    for (Path file : files) {
      Files.delete(file);
    }
    return target;
  }

  private static LtxHeader header(Path file) throws IOException {
    try (LtxInput input = LtxInput.ofFiles(List.of(file)).open()) {
      return input.next().header();
    }
  }

  private Path publish(Path temporary, LtxHeader header) throws IOException {
    try (FileChannel file = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
      file.force(true);
    }
    return Files.move(
        temporary,
        directory.resolve(header.fileName().toString()),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  private void syncDirectory() throws IOException {
    try (FileChannel dir = FileChannel.open(directory)) {
      dir.force(true);
    }
  }

  private Path temporary(int number) {
    return directory.resolve(".export-" + ProcessHandle.current().pid() + "-" + number + ".tmp");
  }
}
