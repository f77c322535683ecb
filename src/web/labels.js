// Which words the page uses, by language. Both languages have the same names.

export const labels = {
  zh: {
    other: "English", docs: "接口文档", question: "想问什么？例如：买了三天还能退吗", ask: "提问",
    settings: "密钥、空间与时间", key: "API 密钥", space: "空间", asOf: "回到这一时刻",
    keyHint: "密钥只留在这个标签页里，关闭即忘。空间对外公开时不需要密钥。",
    answer: "回答", unanswered: "还没有答案", recorded: "这个问题已经记录下来，等待补充知识。",
    notRecorded: "知识库里没有足够接近的内容。", past: "当时的结果", helpful: "有帮助吗？", yes: "有帮助", no: "没有帮助",
    thanks: "谢谢！", results: (n) => `相关文章 ${n} 篇`, none: "没有找到相关文章。", searching: "正在查找……",
    confidence: (p) => `把握 ${p}%`, took: (ms) => `${ms} 毫秒`, version: (n) => `第 ${n} 版`, score: (p) => `相关度 ${p}%`,
    matched: (q) => `匹配的问法：${q}`, curl: "同样的请求（curl）", copy: "复制", copied: "已复制", source: (n) => `来源 ${n}`,
    degraded: (what) => `部分检索暂不可用：${what}`, offline: "无法连接服务器。", needKey: "需要 API 密钥：请在下面填写。",
    handoff: "建议转人工客服。",
  },
  en: {
    other: "中文", docs: "API docs", question: "What would you like to know?", ask: "Ask",
    settings: "Key, space and time", key: "API key", space: "Space", asOf: "As of",
    keyHint: "The key stays in this tab and is forgotten with it. A space open to the public needs none.",
    answer: "Answer", unanswered: "No answer yet", recorded: "The question is on record, so that somebody can add the knowledge.",
    notRecorded: "Nothing in the knowledge base comes close enough.", past: "As it was then", helpful: "Did this help?",
    yes: "It helped", no: "It did not help", thanks: "Thank you!",
    results: (n) => (n === 1 ? "1 article" : `${n} articles`), none: "No article found.", searching: "Looking…",
    confidence: (p) => `${p}% sure`, took: (ms) => `${ms} ms`, version: (n) => `version ${n}`, score: (p) => `${p}% relevant`,
    matched: (q) => `Matched question: ${q}`, curl: "The same request (curl)", copy: "Copy", copied: "Copied",
    source: (n) => `Source ${n}`, degraded: (what) => `Part of the search is not available: ${what}`,
    offline: "The server cannot be reached.", needKey: "An API key is needed: fill it in below.",
    handoff: "Better ask a person.",
  },
};
