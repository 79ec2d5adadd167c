package io.tidemark.node.log;

import io.tidemark.node.json.Json;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** Writes one JSON object per line: time, level, logger, message, and the exception if any. */
final class JsonLogger extends LegacyAbstractLogger {
  /** System property with the lowest level that is written. */
  static final String LEVEL_PROPERTY = "tidemark.log.level";

  private static final long serialVersionUID = 1;

  private final transient PrintStream out;
  private final Level lowest;

  JsonLogger(String name, PrintStream out, Level lowest) {
    this.name = name;
    this.out = out;
    this.lowest = lowest;
  }

  @Override
  protected void handleNormalizedLoggingCall(
      Level level, Marker marker, String pattern, Object[] arguments, Throwable thrown) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("time", Instant.now().toString());
    line.put("level", level.toString().toLowerCase(Locale.ROOT));
    line.put("logger", name);
    line.put("msg", MessageFormatter.basicArrayFormat(pattern, arguments));
    if (thrown != null) {
      StringWriter stack = new StringWriter();
      thrown.printStackTrace(new PrintWriter(stack));
      line.put("error", thrown.toString());
      line.put("stack", stack.toString());
    }
    // One call, so that lines of several threads do not mix.
    out.print(Json.write(line) + "\n");
    out.flush();
  }

  @Override
  protected String getFullyQualifiedCallerName() {
    return null;
  }

  private boolean writes(Level level) {
    return level.toInt() >= lowest.toInt();
  }

  @Override
  public boolean isTraceEnabled() {
    return writes(Level.TRACE);
  }

  @Override
  public boolean isDebugEnabled() {
    return writes(Level.DEBUG);
  }

  @Override
  public boolean isInfoEnabled() {
    return writes(Level.INFO);
  }

  @Override
  public boolean isWarnEnabled() {
    return writes(Level.WARN);
  }

  @Override
  public boolean isErrorEnabled() {
    return writes(Level.ERROR);
  }
}
