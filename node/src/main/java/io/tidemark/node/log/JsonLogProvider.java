package io.tidemark.node.log;

import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/** Gives SLF4J the JSON loggers; chosen by {@link Logging}, never found by itself. */
public final class JsonLogProvider implements SLF4JServiceProvider {
  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final MDCAdapter mdc = new NOPMDCAdapter();
  private final ConcurrentHashMap<String, JsonLogger> loggers = new ConcurrentHashMap<>();

  @Override
  public ILoggerFactory getLoggerFactory() {
    return name -> loggers.computeIfAbsent(name, JsonLogProvider::create);
  }

  private static JsonLogger create(String name) {
    Level level =
        Level.valueOf(
            System.getProperty(JsonLogger.LEVEL_PROPERTY, "info").toUpperCase(Locale.ROOT));
    if (level == Level.INFO && name.startsWith("io.netty")) {
      level = Level.WARN;
    } else if (level == Level.INFO && name.startsWith("io.etcd")) {
      level = Level.ERROR; // what it retries, and why, the leases say in their own words
    }
    return new JsonLogger(name, System.err, level);
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return mdc;
  }

  @Override
  public String getRequestedApiVersion() {
    return "2.0.99";
  }

  @Override
  public void initialize() {}
}
