package io.tidemark.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A program in a process of its own that does what it is told, one line at a time, and keeps its
 * connections and descriptors meanwhile: Python, which has SQLite as the system has it and the bare
 * system calls, or a JVM with the SQLite of sqlite-jdbc.
 */
final class Client implements AutoCloseable {
  private static final String LINE_FEED = "\u001f";
  private static final String END = "\u0004";
  private static final String DEAD = "!dead";
  private static final long LIMIT_SECONDS = 20;

  /** {@code q} runs SQL; {@code shadow} makes the WAL bytes of a transaction without writing it. */
  private static final String PYTHON =
      """
      import sys, os, sqlite3, mmap, shutil, tempfile, signal, time, threading, errno

      def db(path, timeout=5.0, uri=False):
          return sqlite3.connect(path, isolation_level=None, timeout=timeout, uri=uri)

      def q(connection, sql):
          rows = connection.execute(sql).fetchall()
          return '\\n'.join('|'.join(map(str, row)) for row in rows)

      def die():
          os.kill(os.getpid(), signal.SIGKILL)

      # The transaction is made by SQLite on a copy of the database and its WAL: these bytes,
      # written at that offset, are what a writer writes that dies before the wal-index.
      def shadow(path, sql):
          with tempfile.TemporaryDirectory() as copy:
              shutil.copyfile(path, copy + '/db')
              shutil.copyfile(path + '-wal', copy + '/db-wal')
              end = os.path.getsize(copy + '/db-wal')
              c = db(copy + '/db')
              c.execute('pragma wal_autocheckpoint=0')
              c.executescript(sql)
              with open(copy + '/db-wal', 'rb') as f:
                  f.seek(end)
                  data = f.read()
              c.close()
              return end, data

      def pwrite(path, data, offset, piece=1 << 30):
          fd = os.open(path, os.O_RDWR)
          try:
              for i in range(0, len(data), piece):
                  n = os.pwrite(fd, data[i:i + piece], offset + i)
                  assert n == len(data[i:i + piece])
          finally:
              os.close(fd)

      # Like SQLite, goes on after a short write.
      def put(fd, data, offset):
          while data:
              n = os.pwrite(fd, data, offset)
              data, offset = data[n:], offset + n

      env = dict(globals())
      for line in sys.stdin:
          code = line.rstrip('\\n').replace('\\x1f', '\\n')
          try:
              try:
                  program = compile(code, 'test', 'eval')
              except SyntaxError:
                  program = None
                  exec(compile(code, 'test', 'exec'), env)
              if program is not None:
                  value = eval(program, env)
                  if value is not None and value != '':
                      print(value)
          except BaseException as e:
              print('!' + type(e).__name__ + ': ' + str(e))
          print('\\x04', flush=True)
      """;

  private static final String PYTHON_PROGRAM = findPython();

  private final Process process;
  private final PrintWriter in;
  private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

  private Client(List<String> command) {
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    in = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
    Thread reader = new Thread(this::readAll, "client-output");
    reader.setDaemon(true);
    reader.start();
  }

  /** The interpreter itself: version managers put a slow script in front of it. */
  private static String findPython() {
    Shell.Result result = Shell.run("python3", "-c", "import sys; print(sys.executable)");
    return result.exit() == 0 ? result.text() : "python3";
  }

  static Client python() {
    return new Client(List.of(PYTHON_PROGRAM, "-u", "-c", PYTHON));
  }

  /** Under strace, which meddles with system calls as {@code injection} says. */
  static Client straced(String calls, String injection) {
    Shell.require("strace");
    List<String> command = new ArrayList<>(List.of("strace", "-f", "-qq", "-o", "/dev/null"));
    command.addAll(List.of("-e", "trace=" + calls, "-e", "inject=" + calls + ":" + injection));
    command.addAll(List.of(PYTHON_PROGRAM, "-u", "-c", PYTHON));
    return new Client(command);
  }

  static Client jdbc(Path database) {
    Client client = new Client(java(JdbcMain.class, database.toString()));
    client.answer("the start of the JVM");
    return client;
  }

  /** This JVM's java with the class path of the tests. */
  static List<String> java(Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.addAll(List.of("-ea", "-Xmx128m", "-XX:TieredStopAtLevel=1"));
    command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  private void readAll() {
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
      }
    } catch (IOException e) {
      lines.add(e.toString());
    }
    lines.add(DEAD);
  }

  /** Sends a line and does not wait for its end. */
  Client send(String code) {
    in.println(code.strip().replace("\n", LINE_FEED));
    return this;
  }

  /** What the line that was sent printed; an error begins with '!'. */
  String answer(String code) {
    try {
      List<String> text = new ArrayList<>();
      while (true) {
        String line = lines.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (line == null) {
          throw new AssertionError("no answer to " + code + "; so far " + text);
        }
        if (line.equals(END)) {
          return String.join("\n", text);
        }
        text.add(line);
        if (line.equals(DEAD)) {
          lines.add(DEAD);
          return String.join("\n", text);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Whether the line that was sent has ended. */
  boolean hasAnswered() {
    return lines.contains(END) || lines.contains(DEAD);
  }

  String ask(String code) {
    return send(code).answer(code);
  }

  /** Runs Python; no error is expected. */
  String run(String code) {
    String text = ask(code);
    assertThat(text).as(code).doesNotContain("!");
    return text;
  }

  /** Opens a database as variable {@code c}. */
  Client open(Path database) {
    run("c = db('" + database + "')");
    return this;
  }

  /** Runs SQL on connection {@code c} of Python; an error begins with '!'. */
  String trySql(String sql) {
    return ask("q(c, \"\"\"" + sql.strip() + "\"\"\")");
  }

  /** The same, and no error is expected. */
  String sql(String sql) {
    String text = trySql(sql);
    assertThat(text).as(sql).doesNotContain("!");
    return text;
  }

  /** The processes of this client but strace. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    awaitDeath();
  }

  void awaitDeath() {
    try {
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError("client " + process.pid() + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  @Override
  public void close() {
    if (process.isAlive()) {
      in.close();
      try {
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
          kill();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
    }
  }
}
