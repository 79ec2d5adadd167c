package io.tidemark.mount.fuse;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * A program that uses a mount, driven line by line. Mappings need a process of their own: a page
 * fault in the daemon's JVM could not be served while it is stopped for a garbage collection.
 */
final class ClientMain {
  private ClientMain() {}

  public static void main(String[] args) throws Exception {
    Map<String, FileChannel> files = new HashMap<>();
    Map<String, MappedByteBuffer> maps = new HashMap<>();
    Map<String, FileLock> locks = new HashMap<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    System.out.println("ready");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] w = line.split("\t");
      String answer = "ok";
      try {
        switch (w[0]) {
          case "open" ->
              files.put(
                  w[1],
                  FileChannel.open(
                      Path.of(w[1]), StandardOpenOption.READ, StandardOpenOption.WRITE));
          case "map" ->
              maps.put(
                  w[1],
                  files.get(w[1]).map(FileChannel.MapMode.READ_WRITE, 0, Integer.parseInt(w[2])));
          case "peek" -> answer = Byte.toString(maps.get(w[1]).get(Integer.parseInt(w[2])));
          case "poke" -> maps.get(w[1]).put(Integer.parseInt(w[2]), Byte.parseByte(w[3]));
          case "read" -> {
            ByteBuffer one = ByteBuffer.allocate(1);
            int n = files.get(w[1]).read(one, Long.parseLong(w[2]));
            answer = n == 1 ? Byte.toString(one.get(0)) : "end";
          }
          case "write" ->
              files
                  .get(w[1])
                  .write(ByteBuffer.wrap(new byte[] {Byte.parseByte(w[3])}), Long.parseLong(w[2]));
          case "size" -> answer = Long.toString(files.get(w[1]).size());
          case "lock" -> {
            FileLock lock =
                files.get(w[1]).tryLock(Long.parseLong(w[2]), Long.parseLong(w[3]), false);
            if (lock == null) {
              answer = "refused";
            } else {
              locks.put(w[1], lock);
            }
          }
          case "unlock" -> locks.remove(w[1]).release();
          case "close" -> files.remove(w[1]).close();
          default -> answer = "unknown command";
        }
      } catch (Exception e) {
        answer = e.toString();
      }
      System.out.println(answer);
    }
  }
}
