package io.tidemark.node.ltx;

import io.tidemark.database.Divergence;
import io.tidemark.database.LogReader;
import io.tidemark.database.LogRecord;
import io.tidemark.ltx.LtxException;
import io.tidemark.ltx.LtxFileName;
import io.tidemark.ltx.LtxHeader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A sequence of LTX files in the order of their transactions: the history of one database. */
public interface LtxInput extends AutoCloseable {
  /** The database's name, or what the files have in common; for titles. */
  String title();

  /** The next file, or null at the end. */
  LtxEntry next() throws IOException;

  @Override
  void close() throws IOException;

  /** Opens an input; several may be open one after the other. */
  interface Source {
    LtxInput open() throws IOException;
  }

  /**
   * The inputs that a path holds: one per database of a data directory, or one for a directory of
   * .ltx files.
   *
   * @param name only this database of a data directory; null for all
   * @throws IOException when the path is neither; the message says so
   */
  static List<Source> ofPath(Path path, String name) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file or directory");
    }
    if (!Files.isDirectory(path)) {
      return List.of(ofFiles(List.of(path)));
    }
    List<Path> files = ltxFiles(path);
    if (!files.isEmpty()) {
      return List.of(ofFiles(files));
    }
    List<Source> sources = new ArrayList<>();
    for (String database : name == null ? LogReader.databaseNames(path) : List.of(name)) {
      sources.add(() -> ofLog(path, database));
    }
    return sources;
  }

  private static List<Path> ltxFiles(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(file -> LtxFileName.tryParse(file.getFileName().toString()).isPresent())
          .toList();
    }
  }

  /** Given files, which must belong to one database, ordered by transaction. */
  static Source ofFiles(List<Path> files) throws IOException {
    List<LtxEntry> entries = new ArrayList<>();
    for (Path file : files) {
      entries.add(entry(file));
    }
    entries.sort(
        Comparator.comparing((LtxEntry e) -> e.header().minTxid(), Long::compareUnsigned)
            .thenComparing(e -> e.header().maxTxid(), Long::compareUnsigned));
    Path first = files.get(0);
    String title =
        files.size() == 1 ? first.toString() : first.toAbsolutePath().getParent().toString();
    return () -> new LtxFiles(title, entries);
  }

  private static LtxEntry entry(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      LtxHeader header = LtxHeader.decode(ByteBuffer.wrap(in.readNBytes(LtxHeader.SIZE)));
      return new LtxEntry(
          file.toString(), 0, Files.size(file), header, () -> Files.newInputStream(file));
    } catch (LtxException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  /** The log of a database in a data directory, which may be in use. */
  static LtxInput ofLog(Path dataDir, String name) throws IOException {
    return ofReader(LogReader.open(dataDir, name), name);
  }

  /** The records of a divergence. */
  static LtxInput ofDivergence(Divergence divergence) throws IOException {
    return ofReader(divergence.records(), divergence.name());
  }

  private static LtxInput ofReader(LogReader reader, String name) {
    return new LtxInput() {
      @Override
      public String title() {
        return name;
      }

      @Override
      public LtxEntry next() throws IOException {
        LogRecord record = reader.next();
        if (record == null) {
          return null;
        }
        String place = name + ", log segment " + record.segment() + " at offset " + record.offset();
        return new LtxEntry(
            place, record.epoch(), record.ltxLength(), record.header(), reader::ltx);
      }

      @Override
      public void close() throws IOException {
        reader.close();
      }
    };
  }
}
